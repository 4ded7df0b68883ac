# SPDX-License-Identifier: MIT
"""Writes mobilenet_v2.npy and mobilenet_v2.txt beside it: logits of torchvision's MobileNetV2 with seeded weights.

    python3 make_mobilenet_v2.py          needs torch and torchvision; made with 2.13 and 0.28, on a CPU
"""
import os

import numpy as np
import torch
import torchvision.models as models

import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 3
SIZES = [(96, 96), (128, 128), (160, 160), (192, 192), (224, 224), (160, 224)]
CASES = [(width, 100, 1, h, w) for width in (0.35, 0.5, 1.0, 1.4) for h, w in SIZES] + [
    # classes and batches; sides that no stride divides, the smallest
    (1.0, 1000, 1, 224, 224), (0.35, 2, 1, 96, 96), (0.35, 100, 2, 96, 96), (0.35, 100, 5, 96, 96), (0.5, 100, 5, 128, 96),
    (1.0, 100, 2, 160, 224), (1.0, 100, 5, 128, 128), (1.4, 100, 2, 96, 96), (0.35, 100, 1, 101, 75), (1.0, 100, 3, 83, 117),
    (0.35, 100, 1, 32, 32),
]


def main():
    logits, lines = [], []
    for width, classes, n, h, w in CASES:
        net = seeded.fill(models.mobilenet_v2(width_mult=width, num_classes=classes), SEED)
        y, gap = seeded.reference(net, seeded.values(SEED, "input", "input", (n, 3, h, w)))
        logits.append(y.reshape(-1))
        spread = [float(row.max() - row.min()) for row in y]
        deviation = min(float(row.std()) / s for row, s in zip(y, spread))
        assert deviation > 0.1, "nearly constant logits would hide errors"
        lines.append(f"{width} {classes} {n} {h} {w} {gap / min(spread):.2e} {deviation:.3f}")
        print(lines[-1])
    np.save(os.path.join(HERE, "mobilenet_v2.npy"), np.concatenate(logits))
    with open(os.path.join(HERE, "mobilenet_v2.txt"), "w") as f:
        print(f"seed {SEED}", *lines, sep="\n", file=f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
