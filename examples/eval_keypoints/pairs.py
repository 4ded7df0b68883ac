# SPDX-License-Identifier: MIT
"""Pairs of pictures with a known homography and another light, as HPatches has them: python3 pairs.py OUT PICTURE... makes
OUT/NAME.a.pgm, NAME.b.pgm, NAME.h.txt, 320 x 240, `--each` of every picture. The same seed makes the same pairs."""
import argparse
import pathlib
import sys

import cv2
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "train_superpoint"))
import warps

W, H = 320, 240


def load(path):
    """Gray, cropped to 4 : 3, 640 x 480."""
    im = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if im is None:
        sys.exit(f"{path}: cannot be read")
    h, w = im.shape
    scale = min(w / 4, h / 3)
    cw, ch = int(4 * scale), int(3 * scale)
    im = im[(h - ch) // 2:(h - ch) // 2 + ch, (w - cw) // 2:(w - cw) // 2 + cw]
    return cv2.resize(im, (2 * W, 2 * H), interpolation=cv2.INTER_AREA)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("pictures", nargs="+", type=pathlib.Path)
    p.add_argument("--each", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--same-light", action="store_true", help="change the view only")
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    small = np.diag([0.5, 0.5, 1.0])
    for n, path in enumerate(a.pictures):
        im = load(path)
        first = cv2.resize(im, (W, H), interpolation=cv2.INTER_AREA)
        for k in range(a.each):
            rng = np.random.default_rng((a.seed, n, k))
            m = warps.homography(rng, W, H, 0.7)
            # out of the larger picture, so that coming nearer shows more
            second = warps.picture(m @ small, im.astype(np.float32), W, H)
            if not a.same_light:
                second = warps.light(rng, second)
            name = a.out / f"{path.stem}-{k}"
            cv2.imwrite(f"{name}.a.pgm", first)
            cv2.imwrite(f"{name}.b.pgm", np.round(second).astype(np.uint8))
            pathlib.Path(f"{name}.h.txt").write_text("\n".join(" ".join(f"{v:.17g}" for v in row) for row in m) + "\n")


if __name__ == "__main__":
    main()
