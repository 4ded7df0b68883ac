# SPDX-License-Identifier: MIT
"""Points of photographs that the detector should learn: crops with their points and, of each, the share of its cell that it gets."""
import cv2
import numpy as np
import torch

import pictures
import warps
from net import batch, heat, sample

LABEL_W, LABEL_H = 256, 192
FAINT = 6.0  # squared gray levels a pixel
FEWEST = 25  # points of a labelled part that is trained on


def mark(points, w, h):
    """Points to a picture (h, w) of 0 and 1."""
    out = np.zeros((h, w), np.uint8)
    p = np.round(points).astype(int)
    p = p[(p >= 0).all(1) & (p[:, 0] < w) & (p[:, 1] < h)]
    out[p[:, 1], p[:, 0]] = 1
    return out


def _mean(a, net, rng, im):
    """The mean of what the detector says of many views, seen from the picture."""
    h, w = im.shape
    views, homographies = [im.astype(np.float32)], [np.eye(3)]
    for _ in range(a.views - 1):
        m = warps.homography(rng, w, h, 0.9)
        homographies.append(m)
        views.append(warps.picture(m, im.astype(np.float32), w, h))
    with torch.no_grad():
        maps = torch.cat([heat(net(batch(views[i:i + 8]), False)[0]) for i in range(0, len(views), 8)]).numpy()
    total, seen = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    for p, m in zip(maps, homographies):
        back = np.linalg.inv(m)
        inside = warps.valid(m, w, h)
        total += warps.picture(back, p * inside, w, h)
        seen += warps.picture(back, inside.astype(np.float32), w, h)
    return total / np.maximum(seen, 1e-3) * (seen > 3)


def peaks(p, threshold, radius=4, most=200):
    """Local maxima, strongest first: (n, 2)."""
    best = cv2.dilate(p, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    y, x = np.nonzero((p == best) & (p > threshold))
    order = np.argsort(-p[y, x], kind="stable")[:most]
    return np.stack((x, y), 1)[order].astype(np.float32)


def vertex(v):
    """Where the parabola through three values is highest, from the middle one."""
    bend = 2 * v[1] - v[0] - v[2] if len(v) == 3 else 0
    return float(np.clip((v[2] - v[0]) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0


def corners(im, points, reach=8, apart=3, most=120):
    """The corners of the picture (local maxima of the smaller eigenvalue of the structure tensor, between pixels) that have one of
    the points within reach: the mean of the views knows where there are points, but not to the pixel. Points on a mere edge, which
    could be anywhere along it, and faint ones, which another light hides, are none. The sharpest come last: of several in a cell
    that one counts."""
    values = cv2.cornerEigenValsAndVecs(cv2.GaussianBlur(im.astype(np.float32), (5, 5), 1.0), 3, 3)
    corner, edge = values[..., :2].min(2), values[..., :2].max(2)
    h, w = im.shape
    best = cv2.dilate(corner, np.ones((2 * apart + 1, 2 * apart + 1), np.uint8))
    near = cv2.dilate(mark(points, w, h), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    y, x = np.nonzero((corner == best) & (corner > np.maximum(0.08 * edge, FAINT)) & (near > 0))
    order = np.argsort(corner[y, x], kind="stable")[-most:]
    return np.array([(i + vertex(corner[j, max(0, i - 1):i + 2]), j + vertex(corner[max(0, j - 1):j + 2, i]))
                     for j, i in zip(y[order], x[order])], np.float32).reshape(-1, 2)


def _crops(a, name, points_of):
    """points_of(rng, picture) of each crop, kept in files of 100: [(picture, points)]."""
    photos = pictures.load(a.pictures, "train")
    folder = a.out / name
    folder.mkdir(exist_ok=True)
    for start in range(0, a.crops, 100):
        file = folder / f"{start:05d}.npz"
        if file.exists():
            continue
        ims, points = [], []
        for i in range(start, start + 100):
            rng = np.random.default_rng((a.seed, 2, i))
            ims.append(pictures.crop(rng, photos, LABEL_W, LABEL_H))
            points.append(points_of(rng, ims[-1]))
        new = folder / "new.npz"
        np.savez(new, ims=np.stack(ims), counts=[len(p) for p in points], points=np.concatenate(points))
        new.replace(file)
    out = []
    for file in sorted(folder.glob("[0-9]*.npz")):
        z = np.load(file)
        out += zip(z["ims"], np.split(z["points"], np.cumsum(z["counts"])[:-1]))
    return out


def _enough(labelled):
    labelled = [k for k in labelled if len(k[1]) >= FEWEST]
    if not labelled:
        raise SystemExit("the detector finds too little in the photographs: more --shapes-steps or a lower --threshold")
    return labelled


def adapted(a, net, turn):
    """Homographic adaptation: corners near the peaks of the mean of many views."""
    net.eval()
    found = _crops(a, f"labels{turn}", lambda rng, im: peaks(_mean(a, net, rng, im), a.threshold))
    both = [(im, corners(im, p)) for im, p in found]
    return _enough([(im, p, np.ones(len(p))) for im, p in both])


def all_corners(im, most):
    """The sharpest corners of a picture, strongest first."""
    h, w = im.shape
    y, x = np.mgrid[4:h - 4:8, 4:w - 4:8]
    return corners(im, np.stack((x.ravel(), y.ravel()), 1), most=most)[::-1]


def _described(net, ims, points):
    with torch.no_grad():
        d = net(batch(ims))[1]
    return [sample(one, p).T for one, p in zip(d, points)]


def _shares(a, net, rng, im, most=300, near=2.0):
    """Of each corner of the picture, how often other views show a corner there too, and how often its descriptor finds that one
    among all of the view's: the mean of both shares. (n, 3): x, y, share, largest last."""
    h, w = im.shape
    points = all_corners(im, most)
    if len(points) < 2:
        return np.zeros((0, 3), np.float32)
    seen, again = np.zeros(len(points)), np.zeros(len(points))
    views, homographies = [], []
    for _ in range(a.views):
        homographies.append(warps.homography(rng, w, h, 0.8))
        views.append(warps.light(rng, warps.picture(homographies[-1], im.astype(np.float32), w, h)))
    theirs = [all_corners(v, most) for v in views]
    mine, *vectors = _described(net, [im.astype(np.float32)] + views, [points] + theirs)
    for m, there, d in zip(homographies, theirs, vectors):
        at = warps.points(m, points)
        shown = (at >= 4).all(1) & (at[:, 0] < w - 4) & (at[:, 1] < h - 4)
        seen += shown
        if len(there) == 0:
            continue
        off = np.linalg.norm(at[:, None] - there[None], axis=2)
        first = (mine @ d.T).argmax(1).numpy()
        again += shown * np.mean((off.min(1) <= near, off[np.arange(len(at)), first] <= near), axis=0)
    ok = seen >= a.views / 3
    found = np.column_stack((points, again / np.maximum(seen, 1)))[ok]
    return found[np.argsort(found[:, 2], kind="stable")].astype(np.float32)


def found_again(a, net):
    """Corners, with the share of views in which this net's descriptors find them again."""
    net.eval()
    return _enough([(im, p[:, :2], p[:, 2]) for im, p in _crops(a, "labels", lambda rng, im: _shares(a, net, rng, im))])
