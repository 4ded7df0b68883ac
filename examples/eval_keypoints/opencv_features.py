# SPDX-License-Identifier: MIT
"""Points of OpenCV's detectors for eval_keypoints --features: python3 opencv_features.py PAIRS OUT makes OUT/sift/NAME.a.npy
and so on. Bits of binary descriptors become -1 and 1: the angle between two such vectors grows with their Hamming distance."""
import pathlib
import sys

import cv2
import numpy as np


class FastBrief:
    def __init__(self, n):
        self.fast, self.brief, self.n = cv2.FastFeatureDetector_create(10), cv2.xfeatures2d.BriefDescriptorExtractor_create(), n

    def detectAndCompute(self, im, mask):
        return self.brief.compute(im, sorted(self.fast.detect(im, mask), key=lambda p: -p.response)[:self.n])

    def descriptorSize(self):
        return self.brief.descriptorSize()

    def descriptorType(self):
        return self.brief.descriptorType()


def detectors(n):
    return {"orb": cv2.ORB_create(n, fastThreshold=5), "sift": cv2.SIFT_create(n, contrastThreshold=0.02),
            "akaze": cv2.AKAZE_create(threshold=0.0003), "fast_brief": FastBrief(n)}


def table(detector, im, n):
    points, vectors = detector.detectAndCompute(im, None)
    binary = detector.descriptorType() == cv2.CV_8U
    if vectors is None or len(points) == 0:
        return np.zeros((0, 3 + detector.descriptorSize() * (8 if binary else 1)), np.float32)
    if binary:
        vectors = np.unpackbits(vectors, axis=1).astype(np.float32) * 2 - 1
    rows = np.concatenate(([[*p.pt, p.response] for p in points], vectors), 1).astype(np.float32)
    return np.ascontiguousarray(rows[np.argsort(-rows[:, 2], kind="stable")][:n])


def main():
    pairs, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for kind, detector in detectors(1000).items():
        (out / kind).mkdir(parents=True, exist_ok=True)
        for f in sorted(pairs.glob("*.pgm")):
            np.save(out / kind / (f.stem + ".npy"), table(detector, cv2.imread(str(f), cv2.IMREAD_GRAYSCALE), 1000))


if __name__ == "__main__":
    main()
