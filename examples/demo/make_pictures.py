# SPDX-License-Identifier: MIT
"""Writes pavilion_a.pgm and pavilion_b.pgm beside it out of scikit-learn's photograph "china": the whole of it, and a part as
another camera would see it, from the side, turned, in the evening, under a shadow."""
import pathlib

import cv2
import numpy as np
from sklearn.datasets import load_sample_image

HERE = pathlib.Path(__file__).resolve().parent
W, H = 576, 384
# Where the corners of the second picture lie in the first: upper left, upper right, lower right, lower left.
VIEW = ((40, 52), (430, 4), (560, 372), (4, 378))


def evening(im):
    rng = np.random.default_rng(9)
    y, x = np.mgrid[:H, :W]
    shadow = 1 / (1 + np.exp((0.8 * x - y + 40) / 8))
    im = 255 * (np.clip(im, 0, 255) / 255) ** 1.25 * (0.95 - 0.4 * x / W) * (1 - 0.45 * shadow) + 18
    im = cv2.GaussianBlur(im, (0, 0), 0.6) + rng.normal(0, 4, im.shape)
    return np.clip(np.round(im), 0, 255).astype(np.uint8)


def main():
    photo = cv2.cvtColor(load_sample_image("china.jpg"), cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(HERE / "pavilion_a.pgm"), cv2.resize(photo, (W, H), interpolation=cv2.INTER_AREA))
    scale = (photo.shape[1] / W, photo.shape[0] / H)
    m = cv2.getPerspectiveTransform(np.float32(VIEW) * np.float32(scale), np.float32([[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]]))
    cv2.imwrite(str(HERE / "pavilion_b.pgm"), evening(cv2.warpPerspective(photo.astype(np.float32), m, (W, H), flags=cv2.INTER_CUBIC)))


if __name__ == "__main__":
    main()
