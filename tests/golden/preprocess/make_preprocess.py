# SPDX-License-Identifier: MIT
"""Writes the files beside it: what Pillow makes of pictures that a formula gives, small picture and .npy files, the numbers
that PyTorch normalises pixels to. Made with Pillow 13.0, NumPy and PyTorch 2.13:

    TINYVIS_DATA=... python make_preprocess.py      without TINYVIS_DATA, photos.txt stays as it is
"""
import io
import os
import struct
import zlib

import numpy as np
import torch
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]


def path(name):
    return os.path.join(HERE, name)


def synthetic(seed, h, w, c):
    """tests/pictures.h has the same formula: noise, black and white, or ramps with noise by seed % 3."""
    i = np.arange(h * w * c, dtype=np.uint64)
    x = (i * 2654435761 + seed * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    noise = ((x ^ x >> 16) >> 24).astype(np.int64).reshape(h, w, c)
    if seed % 3 == 0:
        v = noise
    elif seed % 3 == 1:
        v = np.where(noise > 127, 255, 0)
    else:
        y, x, k = np.meshgrid(np.arange(h), np.arange(w), np.arange(c), indexing="ij")
        v = (3 * x + 2 * y + 40 * k + noise // 16) & 255
    return v.astype(np.uint8)


def image(a):
    return Image.fromarray(a[..., 0] if a.shape[2] == 1 else a)


def cover(size, short_side, crop):
    """Sizes and offsets of torchvision's Resize(short_side) and CenterCrop(crop)."""
    w, h = size
    rw, rh = (short_side, short_side * h // w) if w <= h else (short_side * w // h, short_side)
    return (rw, rh), int(round((rw - crop) / 2.0)), int(round((rh - crop) / 2.0))


def crop_of(picture, short_side, crop, f):
    size, left, top = cover(picture.size, short_side, crop)
    return picture.resize(size, FILTERS[f]).crop((left, top, left + crop, top + crop))


def crc(picture):
    return zlib.crc32(np.ascontiguousarray(np.asarray(picture)).tobytes())


# ---- resize ----
def resize_cases():
    stretch = [  # w h -> ow oh
        (7, 5, 4, 3), (4, 3, 7, 5), (5, 5, 5, 5), (16, 16, 8, 8), (8, 8, 16, 16), (33, 17, 32, 16), (640, 480, 224, 224),
        (1, 1, 224, 224), (1, 37, 24, 24), (37, 1, 24, 24), (1, 300, 1, 7), (300, 1, 7, 1), (2, 2, 3, 301), (301, 3, 2, 2),
        (100, 100, 1, 1), (97, 89, 96, 160), (97, 89, 160, 96), (64, 48, 64, 20), (64, 48, 20, 48), (1000, 3, 10, 90),
        (3, 1000, 90, 10), (52, 112, 216, 17), (60, 200, 30, 139), (60, 200, 30, 140), (100, 100, 101, 99),
        (100, 100, 101, 101), (40, 41, 40, 40), (320, 240, 96, 96), (255, 257, 65, 63), (129, 64, 130, 65),
        (2000, 2, 1, 1), (2, 2000, 1, 1), (500, 375, 65, 64)]
    crops = [  # w h, resized shorter side, crop: even and odd differences both ways
        (500, 375, 256, 224), (375, 500, 256, 224), (500, 375, 255, 224), (333, 500, 257, 224), (256, 256, 256, 224),
        (256, 341, 256, 224), (341, 256, 256, 224), (257, 256, 256, 224), (258, 256, 256, 223), (259, 256, 256, 224),
        (260, 256, 256, 223), (100, 61, 40, 33), (61, 100, 40, 32), (64, 64, 32, 32), (30, 20, 96, 84), (20, 31, 97, 84),
        (17, 400, 24, 21), (400, 17, 24, 21), (1, 1, 32, 28), (1, 50, 8, 7), (50, 1, 8, 7), (640, 480, 235, 224)]
    seed = 0
    for f in (0, 1):
        for c in (3, 1):
            for w, h, ow, oh in stretch:
                seed += 1
                yield seed, f, c, w, h, 0, ow, oh, image(synthetic(seed, h, w, c)).resize((ow, oh), FILTERS[f])
            for w, h, side, crop in crops:
                seed += 1
                yield seed, f, c, w, h, side, crop, crop, crop_of(image(synthetic(seed, h, w, c)), side, crop, f)
    for w, h, side, crop, f in ((4000, 3000, 256, 224, 0), (3000, 4000, 256, 224, 1), (1800, 5000, 256, 224, 0)):
        seed += 1
        yield seed, f, 3, w, h, side, crop, crop, crop_of(image(synthetic(seed, h, w, 3)), side, crop, f)


def write_resize():
    with open(path("resize.txt"), "w") as out:
        out.write("# seed filter channels | width height | resized side (0: stretched) | output width, height | CRC-32\n")
        for *numbers, picture in resize_cases():
            out.write(" ".join(map(str, numbers)) + " %08x\n" % crc(picture))
    with open(path("luma.txt"), "w") as out:
        out.write("# a colour picture into a gray network: seed filter width height output-width output-height CRC-32\n")
        for seed, f, w, h, ow, oh in ((901, 0, 64, 48, 31, 33), (902, 1, 64, 48, 31, 33), (903, 0, 30, 20, 50, 44)):
            gray = image(synthetic(seed, h, w, 3)).convert("L").resize((ow, oh), FILTERS[f])
            out.write("%d %d %d %d %d %d %08x\n" % (seed, f, w, h, ow, oh, crc(gray)))


# ---- normalisation, (set, value, channel) ----
NORMAL = [([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), ([0, 0, 0], [1, 1, 1]),
          ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201])]


def write_normalize():
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 1, 256).expand(3, 1, 256)
    sets = []
    for mean, std in NORMAL:
        scaled = pixels.to(torch.float32).div(255)
        sets.append(scaled.sub(torch.tensor(mean).view(-1, 1, 1)).div(torch.tensor(std).view(-1, 1, 1)).numpy())
    np.save(path("normalize.npy"), np.stack(sets).astype("<f4"))


# ---- picture files ----
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, depth):
    """samples: (h, w, c) integers below 2 ** depth; rows with filter byte 0."""
    h, w, c = samples.shape
    rows = b""
    for row in samples.reshape(h, w * c):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        else:
            bits = "".join(format(int(v), "0%db" % depth) for v in row)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + data
    return rows


def png(samples, depth, color, palette=None, transparent=None, adam7=False, level=9):
    h, w, _ = samples.shape
    if adam7:
        passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
        parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes]
        rows = b"".join(pack_rows(p, depth) for p in parts if p.size)
    else:
        rows = pack_rows(samples, depth)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, int(adam7)))
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparent is not None:
        out += chunk(b"tRNS", transparent)
    return out + chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b"")


def picture_files():
    random = np.random.default_rng(7)
    h, w = 11, 13

    def samples(channels, depth):
        return random.integers(0, 2 ** depth, (h, w, channels))

    for depth in (1, 2, 4, 8, 16):
        yield "gray%d.png" % depth, png(samples(1, depth), depth, 0)
    for depth in (1, 2, 4, 8):
        colors = random.integers(0, 256, (2 ** depth, 3))
        yield "palette%d.png" % depth, png(samples(1, depth), depth, 3, palette=colors)
    yield "palette_alpha.png", png(samples(1, 2), 2, 3, palette=random.integers(0, 256, (4, 3)), transparent=b"\0\x80\xff")
    for depth in (8, 16):
        yield "rgb%d.png" % depth, png(samples(3, depth), depth, 2)
        yield "gray_alpha%d.png" % depth, png(samples(2, depth), depth, 4)
        yield "rgba%d.png" % depth, png(samples(4, depth), depth, 6)
    yield "rgb_key.png", png(samples(3, 8), 8, 2, transparent=struct.pack(">HHH", 1, 2, 3))
    yield "rgb_adam7.png", png(samples(3, 8), 8, 2, adam7=True)
    yield "palette_adam7.png", png(samples(1, 4), 4, 3, palette=random.integers(0, 256, (16, 3)), adam7=True)
    smooth = image(synthetic(2, 35, 45, 3))
    for name, picture, options in (
            ("420.jpg", smooth, {"subsampling": 2}), ("422.jpg", smooth, {"subsampling": 1}),
            ("444.jpg", smooth, {"subsampling": 0}), ("progressive.jpg", smooth, {"progressive": True}),
            ("gray.jpg", smooth.convert("L"), {}), ("cmyk.jpg", Image.fromarray(synthetic(5, 20, 30, 4), "CMYK"), {}),
            ("rgb.jpg", smooth, {"keep_rgb": True}), ("restart.jpg", smooth, {"restart_marker_blocks": 2})):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=80, **options)
        yield name, data.getvalue()
    gray, color = synthetic(3, 5, 6, 1), synthetic(3, 5, 6, 3)
    yield "raw.pgm", b"P5\n# a comment\n6 5\n255\n" + gray.tobytes()
    yield "raw.ppm", b"P6 6 5 255 " + color.tobytes()
    yield "plain.pgm", ("P2\n6 5\n# a comment\n255\n" + "\n".join(" ".join(map(str, r)) for r in gray[..., 0])).encode()
    yield "plain.ppm", ("P3\n6 5\n255\n" + "\n".join(" ".join(map(str, r)) for r in color.reshape(5, 18)) + "\n").encode()


def expected(name, data):
    picture = Image.open(io.BytesIO(data))
    if picture.mode == "I;16":  # Pillow's convert() cuts at 255; the high byte is what the decoder gives
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    return picture.convert("RGB")


def write_pictures():
    with open(path("pictures.txt"), "w") as out:
        out.write("# file, width, height, channels after decoding, CRC-32 of the RGB pixels\n")
        for name, data in picture_files():
            with open(path(name), "wb") as f:
                f.write(data)
            rgb = expected(name, data)
            channels = 1 if "gray" in name or name.endswith(".pgm") else 3
            out.write("%s %d %d %d %08x\n" % (name, *rgb.size, channels, crc(rgb)))
    with open(path("written.png"), "wb") as f:  # what our own writer makes: not compressed
        f.write(png(synthetic(6, 7, 9, 3), 8, 2, level=0))


# ---- .npy files ----
def write_arrays():
    a = np.arange(24, dtype="<f4").reshape(2, 3, 4) / 8 - 1
    good = {"rank0": a[1, 1, 1].reshape(()), "rank1": a[0, 0], "rank2": a[0], "rank3": a, "rank4": a.reshape(2, 3, 2, 2),
            "empty": a[:0]}
    for name, array in good.items():
        np.save(path(name + ".npy"), array)
    for version in (2, 3):
        with open(path("version%d.npy" % version), "wb") as f:
            np.lib.format.write_array(f, a, version=(version, 0))
    bad = {"f8": a.astype("<f8"), "f2": a.astype("<f2"), "i4": a.astype("<i4"), "big": a.astype(">f4"),
           "complex": a.astype("<c8"), "fortran": np.asfortranarray(a), "rank5": a.reshape(1, 2, 3, 2, 2),
           "record": np.zeros(2, dtype=[("x", "<f4"), ("y", "<f4")])}
    for name, array in bad.items():
        np.save(path("bad_" + name + ".npy"), array)


# ---- photographs, by checksum only ----
def write_photos(data):
    names = sorted(n for n in os.listdir(os.path.join(data, "photos")) if n.endswith(".JPEG"))
    with open(path("photos.txt"), "w") as out:
        out.write("# photo, filter, resized side, crop, CRC-32 of the RGB pixels of the crop\n")
        for i, name in enumerate(names):
            picture = Image.open(os.path.join(data, "photos", name)).convert("RGB")
            side, crop = ((256, 224), (235, 224), (182, 160), (110, 96), (518, 518))[i % 5]
            out.write("%s %d %d %d %08x\n" % (name, i % 2, side, crop, crc(crop_of(picture, side, crop, i % 2))))


write_resize()
write_normalize()
write_pictures()
write_arrays()
if "TINYVIS_DATA" in os.environ:
    write_photos(os.environ["TINYVIS_DATA"])
