# SPDX-License-Identifier: MIT
"""Pictures that show int8 what ranges to expect: python3 calibration.py PICTURES OUT writes parts of the training's photographs in
changing light, 320 x 240."""
import pathlib
import sys

import cv2
import numpy as np

import pictures
import warps

COUNT = 64


def main():
    photos, out = pictures.load(sys.argv[1], "train"), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for i in range(COUNT):
        rng = np.random.default_rng((7, i))
        im = warps.light(rng, pictures.crop(rng, photos, 320, 240))
        cv2.imwrite(str(out / f"{i:02d}.pgm"), np.round(im).astype(np.uint8))


if __name__ == "__main__":
    main()
