# SPDX-License-Identifier: MIT
"""Writes superpoint.npy and superpoint.txt beside it: both outputs of SuperPoint with seeded weights.

    python3 make_superpoint.py          needs torch; made with 2.13, on a CPU
"""
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 4
# width, height, width of the input, whole outputs ("all") or their sums over pixels and over channels ("sums")
CASES = [
    (1.0, 8, 8, "all"), (1.0, 16, 24, "all"), (1.0, 40, 56, "all"), (0.5, 40, 24, "all"),
    (1.0, 240, 320, "sums"), (0.5, 240, 320, "sums"), (1.0, 160, 120, "sums"), (1.0, 200, 136, "sums"),
]


class SuperPoint(nn.Module):
    """DeTone et al. 2018, layers named as in the published weights."""

    def __init__(self, width):
        super().__init__()
        c = [int(n * width) for n in (64, 64, 128, 128, 256)]
        sizes = {"1a": (1, c[0]), "1b": (c[0], c[0]), "2a": (c[0], c[1]), "2b": (c[1], c[1]), "3a": (c[1], c[2]),
                 "3b": (c[2], c[2]), "4a": (c[2], c[3]), "4b": (c[3], c[3]), "Pa": (c[3], c[4]), "Da": (c[3], c[4])}
        for name, (i, o) in sizes.items():
            setattr(self, "conv" + name, nn.Conv2d(i, o, 3, padding=1))
        self.convPb = nn.Conv2d(c[4], 65, 1)
        self.convDb = nn.Conv2d(c[4], c[4], 1)

    def forward(self, x):
        for stage in "1234":
            x = F.relu(getattr(self, f"conv{stage}a")(x))
            x = F.relu(getattr(self, f"conv{stage}b")(x))
            if stage != "4":
                x = F.max_pool2d(x, 2)
        scores = self.convPb(F.relu(self.convPa(x)))
        descriptors = self.convDb(F.relu(self.convDa(x)))
        return scores, descriptors / descriptors.norm(dim=1, keepdim=True)


def outputs(net, x):
    """Both outputs in float64, rounded to float32, and the largest difference of float32 from them over each range."""
    with torch.no_grad():
        single = [y.numpy() for y in net(torch.from_numpy(x))]
        double = [y.numpy() for y in net.double()(torch.from_numpy(x).double())]
    return [(d, float(np.abs(s - d).max() / (d.max() - d.min()))) for s, d in zip(single, double)]


def main():
    data, lines = [], []
    for width, h, w, what in CASES:
        net = seeded.fill(SuperPoint(width), SEED)
        line = f"{width} {h} {w} {what}"
        for y, gap in outputs(net, seeded.values(SEED, "input", "input", (1, 1, h, w))):
            y = y[0].reshape(y.shape[1], -1)
            spread = float(y.max() - y.min())
            assert y.std() > 0.1 * spread, "a nearly constant output would hide errors"
            data += [y.reshape(-1)] if what == "all" else [y.sum(axis=1), y.sum(axis=0)]
            line += f" {len(y)} {spread:.9g} {gap:.2e}"
        lines.append(line)
        print(line)
    np.save(os.path.join(HERE, "superpoint.npy"), np.concatenate(data).astype(np.float32))
    with open(os.path.join(HERE, "superpoint.txt"), "w") as f:
        print(f"seed {SEED}", *lines, sep="\n", file=f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
