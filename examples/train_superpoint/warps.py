# SPDX-License-Identifier: MIT
"""Random homographies, pictures and points through them, and changes of light. Points are (x, y), pixel centres at whole
numbers; a homography takes points of the source to points of the target."""
import cv2
import numpy as np


def homography(rng, w, h, strength=1.0):
    """A view that a camera could have had: the corners of a part of the picture, moved, become the whole picture."""
    corners = np.float32([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]])
    centre = corners.mean(0)
    tilt = rng.normal(0, 0.10 * strength, 2).clip(-0.22, 0.22)
    jitter = rng.normal(0, 0.02 * strength, (4, 2))
    view = (corners - centre) / (w, h)
    view = view * (1 + 2 * (view @ tilt))[:, None] + jitter
    scale = np.exp(rng.normal(0, 0.25 * strength)).clip(0.6, 1.7)
    a = rng.normal(0, 0.4 * strength)
    turn = np.float32([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    view = (view * (w, h)) @ turn.T * scale
    shift = rng.normal(0, 0.10 * strength, 2) * (w, h)
    return cv2.getPerspectiveTransform(corners, np.float32(view + centre + shift)).astype(np.float64)


def points(m, p):
    if len(p) == 0:
        return np.zeros((0, 2))
    q = np.concatenate((p, np.ones((len(p), 1))), 1) @ m.T
    return q[:, :2] / q[:, 2:]


def picture(m, im, w, h):
    return cv2.warpPerspective(im, m, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def valid(m, w, h, margin=3):
    """Pixels of the target that come from well inside the source."""
    inside = np.zeros((h, w), np.uint8)
    inside[margin:h - margin, margin:w - margin] = 1
    return cv2.warpPerspective(inside, m, (w, h), flags=cv2.INTER_NEAREST)


def _shade(rng, im):
    h, w = im.shape
    mask = np.zeros((h, w), np.float32)
    for _ in range(rng.integers(1, 8)):
        at = (int(rng.integers(0, w)), int(rng.integers(0, h)))
        axes = (int(rng.uniform(0.1, 0.5) * w), int(rng.uniform(0.1, 0.5) * h))
        cv2.ellipse(mask, at, axes, rng.uniform(0, 90), 0, 360, 1.0, -1)
    k = int(rng.integers(10, 40)) * 2 + 1
    return im * (1 - rng.uniform(-0.4, 0.7) * cv2.GaussianBlur(mask, (k, k), 0))


def _motion(rng, im):
    n = int(rng.choice((3, 5, 7)))
    k = np.zeros((n, n), np.float32)
    k[n // 2] = 1.0 / n
    k = cv2.warpAffine(k, cv2.getRotationMatrix2D((n // 2, n // 2), rng.uniform(0, 180), 1), (n, n))
    return cv2.filter2D(im, -1, k / max(k.sum(), 1e-6))


def light(rng, im):
    """Another camera at another hour. 0 … 255 in and out."""
    im = im.astype(np.float32)
    if rng.random() < 0.5:
        im = 255 * (im / 255).clip(0, 1) ** np.exp(rng.normal(0, 0.35))
    mean = im.mean()
    im = (im - mean) * rng.uniform(0.5, 1.4) + mean + rng.uniform(-40, 40)
    if rng.random() < 0.5:
        im = _shade(rng, im)
    if rng.random() < 0.3:
        im = _motion(rng, im)
    if rng.random() < 0.3:
        im = cv2.GaussianBlur(im, (3, 3), rng.uniform(0.3, 1.2))
    im = im + rng.normal(0, rng.uniform(0, 7), im.shape)
    if rng.random() < 0.05:
        speck = rng.random(im.shape)
        im[speck < 0.003], im[speck > 0.997] = 0, 255
    return np.clip(im, 0, 255).astype(np.float32)
