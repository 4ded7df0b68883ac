# SPDX-License-Identifier: MIT
"""Pairs of pictures with a known homography and another light, as HPatches has them: python3 pairs.py OUT PICTURE... makes
OUT/NAME.a.pgm, NAME.b.pgm, NAME.h.txt, 320 x 240, `--each` of every picture. The same seed makes the same pairs."""
import argparse
import pathlib
import sys

import cv2
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "train_superpoint"))
import pictures
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


def _shadow(rng, im):
    """Half of the picture, behind a straight edge, is darker."""
    h, w = im.shape
    a = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:h, :w]
    side = (x - rng.uniform(0.2, 0.8) * w) * np.cos(a) + (y - rng.uniform(0.2, 0.8) * h) * np.sin(a)
    return im * (1 - rng.uniform(0.2, 0.6) / (1 + np.exp(-side / rng.uniform(0.5, 12))))


def light(rng, im):
    """Another exposure, a lamp at one side, a shadow, a camera that blurs, makes noise and compresses. None of it is what
    training does (warps.light)."""
    h, w = im.shape
    im = 255 * (im / 255) ** np.exp(rng.uniform(-0.7, 0.7))
    tilt = rng.uniform(-0.5, 0.5, 2)
    y, x = np.mgrid[:h, :w]
    im = im * (1 + tilt[0] * (x / w - 0.5) + tilt[1] * (y / h - 0.5))
    if rng.random() < 0.5:
        im = _shadow(rng, im)
    im = im * rng.uniform(0.5, 1.3) + rng.uniform(-20, 40)
    im = cv2.GaussianBlur(im, (5, 5), rng.uniform(0.2, 1.0)) + rng.normal(0, rng.uniform(1, 7), im.shape)
    coded = cv2.imencode(".jpg", np.clip(im, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))))[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("pictures", nargs="*", type=pathlib.Path)
    p.add_argument("--held-out", type=pathlib.Path, metavar="FOLDER",
                   help="those that training leaves out, of a folder that train_superpoint/pictures.py filled")
    p.add_argument("--each", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--same-light", action="store_true", help="change the view only")
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    small = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])  # centres of pixels stay centres
    if a.held_out:
        a.pictures += pictures.files(a.held_out, "held out")
    if not a.pictures:
        p.error("no pictures")
    for n, path in enumerate(a.pictures):
        im = load(path)
        first = cv2.resize(im, (W, H), interpolation=cv2.INTER_AREA)
        for k in range(a.each):
            rng = np.random.default_rng((a.seed, n, k))
            m = warps.homography(rng, W, H, 0.7)
            # out of the larger picture, so that coming nearer shows more
            second = warps.picture(m @ small, im.astype(np.float32), W, H)
            if not a.same_light:
                second = light(rng, second)
            name = a.out / f"{path.stem}-{k}"
            cv2.imwrite(f"{name}.a.pgm", first)
            cv2.imwrite(f"{name}.b.pgm", np.round(second).astype(np.uint8))
            pathlib.Path(f"{name}.h.txt").write_text("\n".join(" ".join(f"{v:.17g}" for v in row) for row in m) + "\n")


if __name__ == "__main__":
    main()
