# SPDX-License-Identifier: MIT
"""The photographs that are trained on: those of pictures.csv, whose licences allow it, out of Debian and Python packages.
`python3 pictures.py FOLDER` fetches them and stores them gray, at most 2000 pixels wide."""
import csv
import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import cv2

HERE = pathlib.Path(__file__).resolve().parent


def listed():
    with open(HERE / "pictures.csv", newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


def name(picture):
    file = pathlib.Path(picture["file"])
    return (file.parts[3] if "wallpapers" in file.parts else file.stem) + ".png"


def _unpack(package, folder):
    subprocess.run(["apt-get", "-qq", "download", package], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    for deb in pathlib.Path(folder).glob(package + "_*.deb"):
        subprocess.run(["dpkg", "-x", str(deb), str(folder)], check=True)
        deb.unlink()


def _installed(file):
    top, rest = file.split("/", 1)
    return pathlib.Path(importlib.util.find_spec(top).origin).parent / rest


def _store(source, to):
    im = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    if im is None:
        sys.exit(f"{source}: cannot be read")
    scale = min(1.0, 2000 / max(im.shape))
    size = (round(im.shape[1] * scale), round(im.shape[0] * scale))
    cv2.imwrite(str(to), cv2.resize(im, size, interpolation=cv2.INTER_AREA))


def fetch(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        have = set()
        for p in listed():
            to = folder / name(p)
            if to.exists():
                continue
            debian = p["file"].startswith("usr/")
            if debian and p["package"] not in have:
                _unpack(p["package"], scratch)
                have.add(p["package"])
            _store(pathlib.Path(scratch) / p["file"] if debian else _installed(p["file"]), to)


def files(folder, use):
    """Where the pictures for "train" or those "held out" lie."""
    found = [pathlib.Path(folder) / name(p) for p in listed() if p["use"] == use]
    missing = [f for f in found if not f.exists()]
    if missing:
        sys.exit(f"{missing[0]}: no such picture; run pictures.py {folder}")
    return found


def load(folder, use):
    """The same, read: gray, bytes."""
    return [cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) for f in files(folder, use)]


def crop(rng, pictures, w, h):
    """A random part of a random picture at a random scale, (h, w); seldom one with nothing in it."""
    for _ in range(8):
        im = pictures[rng.integers(len(pictures))]
        most = min(im.shape[1] / w, im.shape[0] / h)
        scale = max(1.0, most) ** rng.random()
        cw, ch = int(w * scale), int(h * scale)
        x, y = rng.integers(0, im.shape[1] - cw + 1), rng.integers(0, im.shape[0] - ch + 1)
        out = cv2.resize(im[y:y + ch, x:x + cw], (w, h), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            out = out[:, ::-1].copy()
        if out.std() > 12:
            break
    return out


if __name__ == "__main__":
    fetch(sys.argv[1])
