# SPDX-License-Identifier: MIT
"""Draws what train.py logged: python3 curves.py FOLDER curves.svg, one picture a stage and loss."""
import csv
import pathlib
import sys

W, H, LEFT, TOP, GAP = 300, 150, 50, 30, 60


def read(folder):
    """[(stage, loss, steps, values)]"""
    out = []
    for stage in [n for n in ("shapes", *(f.stem for f in sorted(pathlib.Path(folder).glob("joint*.csv"))), "tune")
                  if (pathlib.Path(folder) / f"{n}.csv").exists()]:
        with open(pathlib.Path(folder) / f"{stage}.csv", newline="", encoding="ascii") as f:
            rows = list(csv.DictReader(f))
        steps = [int(r["step"]) for r in rows]
        out += [(stage, k, steps, [float(r[k]) for r in rows]) for k in rows[0] if k not in ("step", "cpu_seconds")]
    return out


def panel(x, stage, loss, steps, values):
    top = max(values[1:] or values) * 1.05
    at = " ".join(f"{x + W * s / steps[-1]:.1f},{TOP + H * (1 - min(v / top, 1)):.1f}" for s, v in zip(steps, values))
    return "\n".join((f'<rect x="{x}" y="{TOP}" width="{W}" height="{H}" fill="none" stroke="#999"/>',
                      f'<text x="{x}" y="{TOP - 8}">{stage}: loss of {loss}</text>',
                      f'<text x="{x - 4}" y="{TOP + 8}" text-anchor="end">{top:.2f}</text>',
                      f'<text x="{x - 4}" y="{TOP + H}" text-anchor="end">0</text>',
                      f'<text x="{x + W}" y="{TOP + H + 16}" text-anchor="end">{steps[-1]} steps</text>',
                      f'<polyline points="{at}" fill="none" stroke="#06c" stroke-width="1.5"/>'))


def main():
    curves = read(sys.argv[1])
    width = LEFT + len(curves) * (W + GAP)
    body = "\n".join(panel(LEFT + i * (W + GAP), *c) for i, c in enumerate(curves))
    pathlib.Path(sys.argv[2]).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{TOP + H + 30}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n', encoding="utf-8")


if __name__ == "__main__":
    main()
