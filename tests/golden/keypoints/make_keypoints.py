# SPDX-License-Identifier: MIT
"""Writes the files beside it: keypoints of SuperPoint's outputs as the demo of the paper and as SuperGlue pick them, and matches.

    python3 make_keypoints.py       needs torch; with transformers too, network.* is written, and its picking is
                                    compared with what is written here. Made with 2.13 and 5.23, on a CPU
The picking is told here once more, in double precision, from what those programs do; see docs/keypoints.md.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "parity"))
import make_superpoint  # noqa: E402
import seeded  # noqa: E402

D = 8


def heat_of(scores, style):
    """(65, h, w) raw scores to an (8 h, 8 w) map."""
    e = np.exp(scores - scores.max(axis=0))
    rest = 1e-5 * np.exp(-scores.max(axis=0)) if style == "demo" else 0
    p = (e / (e.sum(axis=0) + rest))[:-1]
    h, w = p.shape[1:]
    heat = np.empty((8 * h, 8 * w))
    for k in range(64):
        heat[k // 8::8, k % 8::8] = p[k]
    return heat


def by_grid(heat, found, radius):
    """Strongest first; each kept point clears the square around it. Equal ones from the top, then from the left."""
    ys, xs = np.nonzero(found)
    order = np.argsort(-heat[ys, xs], kind="stable")
    alive = np.pad(found, radius)
    kept = []
    for x, y in zip(xs[order], ys[order]):
        if alive[y + radius, x + radius]:
            alive[y:y + 2 * radius + 1, x:x + 2 * radius + 1] = False
            kept.append((x, y))
    return kept


def by_maxpool(heat, radius):
    """Local maxima, then twice the maxima among what is not near one."""
    def largest(x):
        t = torch.from_numpy(x.astype(np.float64))[None, None]
        return F.max_pool2d(t, 2 * radius + 1, stride=1, padding=radius)[0, 0].numpy()
    maxima = heat == largest(heat)
    for _ in range(2):
        near = largest(maxima) > 0
        rest = np.where(near, 0.0, heat)
        maxima |= (rest == largest(rest)) & ~near
    return maxima


def pick(heat, style, nms, radius, threshold, border, most):
    strong = heat >= threshold if style == "demo" else heat > threshold
    if nms == "grid":
        points = by_grid(heat, strong, radius)
    else:
        ys, xs = np.nonzero(by_maxpool(heat, radius) & strong)
        order = np.argsort(-heat[ys, xs], kind="stable")
        points = list(zip(xs[order], ys[order]))
    h, w = heat.shape
    points = [(x, y) for x, y in points if border <= x < w - border and border <= y < h - border]
    return np.array([(x, y, heat[y, x]) for x, y in points[:most]]).reshape(-1, 3)


def sample(descriptors, points, style):
    """Rows of length 1, by grid_sample with corners aligned."""
    c, h, w = descriptors.shape
    xy, size = torch.from_numpy(points[:, :2].copy()), torch.tensor([8.0 * w, 8.0 * h], dtype=torch.float64)
    at = xy / (size / 2) - 1 if style == "demo" else (xy - 3.5) / (size - 4.5) * 2 - 1
    v = F.grid_sample(torch.from_numpy(descriptors).double()[None], at[None, None], align_corners=True)[0, :, 0].numpy().T
    length = np.linalg.norm(v, axis=1, keepdims=True)
    return v / np.where(length > 0, length, 1)


def scores_of(kind, seed, h, w):
    """float32 (65, h, w); src: seeded values times 4. "steps": in steps of 2, and every second cell a copy of the first two; "flat": all equal."""
    x = seeded.values(seed, "scores", "input", (65, h, w)) * np.float32(4)
    if kind == "steps":
        x = np.floor(x / 2) * 2
        x = np.ascontiguousarray(x[:, :1, np.arange(w) % 2].repeat(h, axis=1))
    if kind == "flat":
        x = np.zeros_like(x)
    if kind == "none":
        x[64] = 60
    return x


CASES = [  # kind, seed, cells down, across, style, nms, radius, threshold, border, most
    ("any", 1, 6, 9, "demo", "grid", 4, 0.015, 4, 1000), ("any", 1, 6, 9, "demo", "maxpool", 4, 0.015, 4, 1000),
    ("any", 2, 5, 7, "superglue", "maxpool", 4, 0.005, 4, 1000), ("any", 2, 5, 7, "superglue", "grid", 4, 0.005, 4, 1000),
    ("any", 3, 4, 4, "demo", "grid", 4, 0.015, 4, 5), ("any", 3, 4, 4, "superglue", "maxpool", 4, 0.015, 4, 5),
    ("any", 4, 3, 5, "demo", "grid", 2, 0.0, 0, 1000), ("any", 4, 3, 5, "demo", "maxpool", 2, 0.0, 0, 1000),
    ("any", 5, 3, 4, "demo", "grid", 0, 0.02, 0, 1000), ("any", 5, 3, 4, "superglue", "maxpool", 0, 0.02, 3, 1000),
    ("any", 6, 1, 1, "demo", "grid", 1, 0.001, 0, 1000), ("any", 6, 1, 2, "superglue", "maxpool", 9, 0.001, 0, 1000),
    ("any", 7, 2, 3, "demo", "grid", 20, 0.001, 0, 1000), ("any", 7, 2, 3, "demo", "maxpool", 20, 0.001, 0, 1000),
    ("steps", 8, 4, 6, "demo", "grid", 4, 0.015, 0, 1000), ("steps", 8, 4, 6, "demo", "maxpool", 4, 0.015, 0, 1000),
    ("steps", 9, 4, 5, "superglue", "grid", 3, 0.015, 4, 7), ("steps", 9, 4, 5, "superglue", "maxpool", 3, 0.015, 4, 7),
    ("flat", 1, 3, 3, "demo", "grid", 4, 0.01, 4, 1000), ("flat", 1, 2, 2, "demo", "maxpool", 4, 0.01, 4, 40),
    ("none", 1, 3, 3, "demo", "grid", 4, 0.015, 4, 1000), ("none", 1, 3, 3, "superglue", "maxpool", 4, 0.015, 4, 1000),
    ("any", 1, 2, 2, "demo", "grid", 4, 0.001, 9, 1000),
]


def check_margins(heat, points, threshold):
    """What float32 decides must not hang on its last bits: scores are equal or well apart."""
    assert (np.abs(heat - threshold) > 1e-5 * threshold).all()
    for i in range(len(points) - 1):
        gap = (points[i, 2] - points[i + 1, 2]) / points[i, 2]
        assert gap < 1e-12 or gap > 1e-5, gap


def write(name, lines, data):
    with open(os.path.join(HERE, name + ".txt"), "w") as f:
        print(*lines, sep="\n", file=f)
    np.save(os.path.join(HERE, name + ".npy"), np.concatenate([np.asarray(d, np.float32).reshape(-1) for d in data]))


def make_points():
    lines, data = [], []
    for kind, seed, h, w, style, nms, radius, threshold, border, most in CASES:
        heat = heat_of(scores_of(kind, seed, h, w).astype(np.float64), style)
        points = pick(heat, style, nms, radius, threshold, border, most)
        check_margins(heat, points, threshold)
        vectors = sample(seeded.values(seed, "descriptors", "input", (D, h, w)), points, style)
        lines.append(f"{kind} {seed} {h} {w} {style} {nms} {radius} {threshold} {border} {most} {len(points)}")
        print(lines[-1])
        data += [points, vectors]
    write("points", lines, data)


def match(a, b, max_distance, ratio):
    """Mutual nearest neighbours by the products of unit vectors; the first of equal ones."""
    near = np.sqrt(2 - 2 * np.clip(a @ b.T, -1, 1))
    found = []
    for i in range(len(a)):
        j = int(near[i].argmin())
        second = np.delete(near[i], j)
        if near[:, j].argmin() == i and (not max_distance or near[i, j] < max_distance) and (
                not ratio or not len(second) or near[i, j] < ratio * second.min()):
            found.append((i, j, near[i, j]))
    return np.array(found).reshape(-1, 3)


def vectors_of(seed, name, n, d):
    v = seeded.values(seed, name, "input", (n, d)).astype(np.float64)
    return (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32)


def noisy_copy(a, seed, nb, copies):
    """b: rows of a in another order with noise, then rows of its own; the first `copies` rows twice."""
    b = vectors_of(seed, "b", nb, a.shape[1])
    for j in range(min(len(a), nb // 2)):
        v = a[(j * 7 + 3) % len(a)].astype(np.float64) + 0.2 * b[j].astype(np.float64)
        b[j] = (v / np.linalg.norm(v)).astype(np.float32)
    b[nb - copies:] = b[:copies]
    return b


MATCHES = [  # seed, na, nb, d, copies, max distance, ratio
    (1, 40, 50, 64, 0, 0.7, 0), (2, 40, 50, 64, 0, 0, 0), (3, 60, 33, 128, 0, 0, 0.8), (4, 97, 130, 32, 5, 0, 0),
    (5, 1, 1, 16, 0, 0, 0), (6, 1, 70, 16, 0, 0, 0.9), (7, 130, 1, 16, 0, 0, 0), (8, 100, 100, 256, 3, 0.7, 0.9), (9, 30, 41, 7, 0, 0, 0),
]


def make_matches():
    lines, data = [], []
    for seed, na, nb, d, copies, max_distance, ratio in MATCHES:
        a = vectors_of(seed, "a", na, d)
        b = noisy_copy(a, seed, nb, copies)
        m = match(a.astype(np.float64), b.astype(np.float64), max_distance, ratio)
        lines.append(f"{seed} {na} {nb} {d} {copies} {max_distance} {ratio} {len(m)}")
        print(lines[-1])
        data += [m]
    write("matches", lines, data)


HUGGING_FACE = {"convPa": "keypoint_decoder.conv_score_a", "convPb": "keypoint_decoder.conv_score_b",
                "convDa": "descriptor_decoder.conv_descriptor_a", "convDb": "descriptor_decoder.conv_descriptor_b"}


def hugging_face_name(name):
    layer, what = name.split(".")
    return (HUGGING_FACE.get(layer) or f"encoder.conv_blocks.{int(layer[4]) - 1}.conv_{layer[5]}") + "." + what


def make_network():
    """transformers' SuperPoint as a whole, at half width with seeded weights. Its border
    removal leaves the right and the bottom alone (it multiplies the size by 8 once more), so none is asked for."""
    from transformers import SuperPointConfig, SuperPointForKeypointDetection
    seed, width, h, w, most = 4, 0.5, 56, 72, 25
    config = SuperPointConfig(encoder_hidden_sizes=[32, 32, 64, 64], decoder_hidden_size=128, descriptor_decoder_dim=128,
                              keypoint_threshold=0.015, max_keypoints=most, nms_radius=4, border_removal_distance=0)
    net = SuperPointForKeypointDetection(config).eval()
    state = {k: v for k, v in seeded.fill(make_superpoint.SuperPoint(width), seed).state_dict().items()}
    net.load_state_dict({hugging_face_name(k): v for k, v in state.items()})
    x = torch.from_numpy(seeded.values(seed, "input", "input", (1, 1, h, w)))
    with torch.no_grad():
        out = net.double()(x.double().repeat(1, 3, 1, 1))
        scores, descriptors = make_superpoint.SuperPoint(width).double().eval(), None
        scores.load_state_dict(state)
        raw, descriptors = (y[0].numpy() for y in scores(x.double()))
    points = np.column_stack([out.keypoints[0].numpy() * (w, h), out.scores[0].numpy()])
    vectors = out.descriptors[0].numpy()
    heat = heat_of(raw, "superglue")
    again = pick(heat, "superglue", "maxpool", 4, 0.015, 0, most)
    order = np.lexsort((points[:, 0], points[:, 1], -points[:, 2]))
    assert np.abs(points[order] - again).max() < 1e-4
    assert np.abs(vectors[order] - sample(descriptors, again, "superglue")).max() < 1e-5
    check_margins(heat, again, 0.015)
    demo = heat_of(raw, "demo")
    by_demo = pick(demo, "demo", "grid", 4, 0.015, 4, most)
    check_margins(demo, by_demo, 0.015)
    lines = [f"{seed} {width} {h} {w} superglue maxpool 0 {len(again)}",
             f"{seed} {width} {h} {w} demo grid 4 {len(by_demo)}"]
    print(*lines, sep="\n")
    write("network", lines, [points[order], vectors[order], by_demo, sample(descriptors, by_demo, "demo")])


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_points()
    make_matches()
    try:
        import transformers  # noqa: F401
    except ImportError:
        print("without transformers: network.* stays as it is")
    else:
        make_network()
