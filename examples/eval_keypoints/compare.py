# SPDX-License-Identifier: MIT
"""Networks beside OpenCV's detectors: python3 compare.py PAIRS FEATURES [NAME=M.tvis ...] prints a table of what eval_keypoints says of
both (EVAL_KEYPOINTS names the program)."""
import json
import os
import pathlib
import subprocess
import sys

PROGRAM = os.environ.get("EVAL_KEYPOINTS", "build/native/eval_keypoints")
HEAD = ("", "points", "repeatability", "localisation error, px", "matching score", "homography within 1 / 3 / 5 px")


def measure(*arguments):
    out = subprocess.run([PROGRAM, *map(str, arguments), "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(out.stdout)


def row(name, m):
    accuracy = " / ".join(f"{a:.3f}" for a in m["homography_accuracy"])
    return (name, f"{m['points']:.0f}", f"{m['repeatability']:.3f}", f"{m['localisation_error']:.2f}",
            f"{m['matching_score']:.3f}", accuracy)


def main():
    pairs, features, models = sys.argv[1], pathlib.Path(sys.argv[2]), [m.split("=") for m in sys.argv[3:]]
    for top in (300, 1000):
        print(f"\nThe strongest {top} points:\n\n| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
        # points that are not likely ones count too, when so many are asked for
        rows = [row(name, measure(file, pairs, "--full", "--threshold", "0.0005", "--top", top)) for name, file in models]
        rows += [row(f.name, measure(pairs, "--features", f, "--top", top)) for f in sorted(features.iterdir())]
        for r in rows:
            print("| " + " | ".join(r) + " |", flush=True)


if __name__ == "__main__":
    main()
