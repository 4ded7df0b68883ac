# SPDX-License-Identifier: MIT
"""Trains a SuperPoint from nothing: python3 train.py --pictures FOLDER --out FOLDER

  shapes   the detector on synthetic shapes
  label    homographic adaptation: points of photographs that many views of them agree on
  joint    detector and descriptors on pairs of views of the labelled photographs
Labelling and joint training are repeated, each round with the detector of the last one; or, with --start, both are done once for
weights that are there already, and the labels are corners that these find and match again (tune). Stopped at any point, the same command goes on where it was; every
random number is drawn from (seed, stage, step)."""
import argparse
import contextlib
import pathlib
import signal
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import blob
import labels
import shapes
import warps
from labels import LABEL_H, LABEL_W
from net import LAYERS, SuperPoint, batch, cells, channels_of, sample

W, H = shapes.W, shapes.H


class Run:
    """A net, its optimizer, and where it stands; kept in one file."""

    def __init__(self, a, stage, steps, rate, start=None):
        self.file, self.steps, self.step, self.rate = a.out / f"{stage}.pt", steps, 0, rate
        self.net = SuperPoint(start.channels, start.normed) if start else SuperPoint(a.channels)
        if start:
            self.net.load_state_dict(start.state_dict())
        self.net = self.net.to(memory_format=torch.channels_last)
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=rate, weight_decay=1e-4)
        self.log, self.sums, self.count, self.cpu, self.began = a.out / f"{stage}.csv", {}, 0, 0.0, time.process_time()
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.opt.load_state_dict(state["opt"])
            self.step, self.cpu = state["step"], state["cpu"]

    def learn(self, losses):
        """One step down the sum of the losses. The rate stays the same, and falls to 0 in the last third: the number of steps
        may be made smaller while training goes on."""
        rate = self.rate * min(1.0, (self.step + 1) / 100, max(0.01, 3 * (1 - self.step / self.steps)))
        for g in self.opt.param_groups:
            g["lr"] = rate
        self.opt.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.opt.step()
        self.step += 1
        self.count += 1
        for k, v in losses.items():
            self.sums[k] = self.sums.get(k, 0.0) + float(v.detach())
        if self.step % 100 == 0 or self.step >= self.steps:
            self.save()

    def save(self):
        cpu = self.cpu + time.process_time() - self.began
        new = self.file.with_suffix(".new")
        torch.save({"net": self.net.state_dict(), "opt": self.opt.state_dict(), "step": self.step, "cpu": cpu}, new)
        new.replace(self.file)
        line = {k: v / self.count for k, v in self.sums.items()}
        if not self.log.exists():
            self.log.write_text("step,cpu_seconds," + ",".join(line) + "\n")
        with open(self.log, "a", encoding="ascii") as f:
            f.write(f"{self.step},{cpu:.0f}," + ",".join(f"{v:.4f}" for v in line.values()) + "\n")
        self.sums, self.count = {}, 0


def has_amx():
    return getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)()


def quick(a):
    return torch.autocast("cpu", torch.bfloat16) if a.bf16 else contextlib.nullcontext()


class Batches(torch.utils.data.Dataset):
    """What `make(step)` gives for each step, made beside the training by another process if a.workers is 1."""

    def __init__(self, make, steps):
        self.make, self.steps = make, steps

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return self.make(step)


def batches(a, run, make):
    steps = range(run.step, run.steps)
    return torch.utils.data.DataLoader(Batches(make, run.steps), batch_size=None, sampler=steps, num_workers=a.workers,
                                       collate_fn=lambda made: made)


def detector_loss(scores, target, valid):
    """Cross entropy a cell, where the whole cell is valid."""
    whole = F.max_pool2d(1 - valid[:, None].float(), 8)[:, 0] == 0
    said = F.log_softmax(scores.float(), 1).permute(0, 2, 3, 1)[whole]
    return -(said * target[whole]).sum(1).mean()


# ---- shapes ----

def drawn(a):
    """The synthetic pictures, drawn once: every step sees some of them in a new view and a new light."""
    return [(im.astype(np.uint8), p) for im, p in (shapes.draw(np.random.default_rng((a.seed, 0, i))) for i in range(a.shapes))]


def sheet(rng, pool):
    """Four of the pictures, half as large, as one: picture, points, and what is not at a seam. More points a picture teach
    more in the same time; seldom, one picture as it is."""
    if rng.random() < 0.2:
        im, p = pool[rng.integers(len(pool))]
        return im, p, np.ones((H, W), np.uint8)
    im, points, inside = np.empty((H, W), np.uint8), [], np.ones((H, W), np.uint8)
    for y in (0, H // 2):
        for x in (0, W // 2):
            one, p = pool[rng.integers(len(pool))]
            im[y:y + H // 2, x:x + W // 2] = cv2.resize(one, (W // 2, H // 2), interpolation=cv2.INTER_AREA)
            points.append((p + 0.5) / 2 - 0.5 + (x, y))
    inside[H // 2 - 2:H // 2 + 2], inside[:, W // 2 - 2:W // 2 + 2] = 0, 0
    return im, np.concatenate(points), inside


def shapes_batch(a, pool, step, n):
    ims, targets, valids = [], [], []
    for i in range(n):
        rng = np.random.default_rng((a.seed, 1, step, i))
        im, p, inside = sheet(rng, pool)
        m = warps.homography(rng, W, H, 0.8)
        ims.append(warps.light(rng, warps.picture(m, im.astype(np.float32), W, H)))
        targets.append(cells(warps.points(m, p), W, H))
        valids.append(cv2.warpPerspective(inside, m, (W, H), flags=cv2.INTER_NEAREST))
    return batch(ims), torch.from_numpy(np.stack(targets)), torch.from_numpy(np.stack(valids))


def train_shapes(a):
    run = Run(a, "shapes", a.shapes_steps, 5e-3)
    run.net.train()
    pool = drawn(a) if run.step < run.steps else []
    for x, target, valid in batches(a, run, lambda step: shapes_batch(a, pool, step, 2 * a.pairs)):
        with quick(a):
            scores = run.net(x, False)[0]
        run.learn({"points": detector_loss(scores, target, valid)})
    return run.net


# ---- both heads ----

def view(rng, im, points, strength):
    """A view (H, W) of a labelled crop: the picture, its points, the valid pixels and the homography."""
    zoom = np.exp(rng.uniform(np.log(W / LABEL_W), np.log(1.15)))
    at = np.array([rng.uniform(0, max(0, LABEL_W * zoom - W)), rng.uniform(0, max(0, LABEL_H * zoom - H))])
    place = np.array([[zoom, 0, -at[0]], [0, zoom, -at[1]], [0, 0, 1]])
    m = warps.homography(rng, W, H, strength) @ place
    inside = np.zeros((LABEL_H, LABEL_W), np.uint8)
    inside[3:-3, 3:-3] = 1
    valid = cv2.warpPerspective(inside, m, (W, H), flags=cv2.INTER_NEAREST)
    seen = cv2.warpPerspective(im.astype(np.float32), m, (W, H), flags=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return warps.light(rng, seen), warps.points(m, points), valid, m


def inside(points, valid):
    """Those of the points that are on valid pixels."""
    near = np.round(points).astype(int)
    ok = (near >= 0).all(1) & (near[:, 0] < W) & (near[:, 1] < H)
    ok[ok] = valid[near[ok, 1], near[ok, 0]] > 0
    return points[ok]


def pair(a, step, i, labelled):
    """Two views of a crop, the shares of its points, and places in both that are the same."""
    rng = np.random.default_rng((a.seed, 3, step, i))
    im, points, shares = labelled[rng.integers(len(labelled))]
    for _ in range(20):
        first, second = view(rng, im, points, 0.5), view(rng, im, points, 1.0)
        m = second[3] @ np.linalg.inv(first[3])
        y, x = np.nonzero(first[2])
        pick = rng.integers(len(x), size=min(len(x), 400)) if len(x) else []
        spots = np.stack((x[pick], y[pick]), 1).astype(np.float64) if len(x) else np.zeros((0, 2))
        spots = np.concatenate((inside(first[1], first[2]), spots))
        there = warps.points(m, spots)
        ok = (there >= 0).all(1) & (there[:, 0] <= W - 1) & (there[:, 1] <= H - 1)
        near = np.round(there[ok]).astype(int)
        ok[ok] = second[2][near[:, 1], near[:, 0]] > 0
        if ok.sum() >= 64:
            break
    chosen = np.nonzero(ok)[0]
    chosen = chosen[rng.permutation(len(chosen))[:a.spots]] if len(chosen) else chosen
    return first, second, shares, spots[chosen], there[chosen]


def joint_batch(a, pool, labelled, step):
    pairs = [pair(a, step, i, labelled) for i in range(a.pairs)]
    drawn_x, drawn_target, drawn_valid = shapes_batch(a, pool, step, max(1, a.pairs // 2))
    views = [(p[k], p[2]) for k in (0, 1) for p in pairs]
    x = torch.cat((batch([v[0] for v, _ in views]), drawn_x))
    target = torch.from_numpy(np.stack([cells(v[1], W, H, shares) for v, shares in views]))
    valid = torch.from_numpy(np.stack([v[2] for v, _ in views]))
    return x, target, valid, drawn_target, drawn_valid, [p[3:] for p in pairs]


def descriptor_loss(da, db, spots, temperature=0.06):
    """Each spot should find itself in the other view, among all others, both ways; those that are nearly the same place do
    not count against it."""
    losses = []
    for i, (here, there) in enumerate(spots):
        if len(here) < 16:
            continue
        similar = sample(da[i], here).T @ sample(db[i], there) / temperature
        apart = np.linalg.norm(there[:, None] - there[None], axis=2)
        same = torch.from_numpy((apart < 6) & ~np.eye(len(there), dtype=bool))
        similar = similar.masked_fill(same, -1e4)
        target = torch.arange(len(here))
        losses.append(F.cross_entropy(similar, target) + F.cross_entropy(similar.T, target))
    return torch.stack(losses).mean() / 2


def train_joint(a, labelled, stage, steps, rate, start):
    run = Run(a, stage, steps, rate, start)
    run.net.train()
    pool = drawn(a) if run.step < run.steps else []
    for x, target, valid, drawn_target, drawn_valid, spots in batches(a, run, lambda step: joint_batch(a, pool, labelled, step)):
        with quick(a):
            scores, d = run.net(x)
        n = len(target)
        run.learn({"points": detector_loss(scores[:n], target, valid),
                   "shapes": detector_loss(scores[n:], drawn_target, drawn_valid),
                   "descriptors": descriptor_loss(d[:n // 2], d[n // 2:n], spots)})
    return run.net


def from_blob(path):
    """A net of the weights of a .tvis, without norms."""
    w = {k: torch.from_numpy(v) for k, v in blob.weights(path).items()}
    net = SuperPoint([w[f"{name}.weight"].shape[0] for name in (*LAYERS, "convPa", "convDb")], normed=False)
    net.load_state_dict(w)
    return net


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pictures", required=True, type=pathlib.Path, help="folder that pictures.py filled")
    p.add_argument("--out", required=True, type=pathlib.Path, help="folder for checkpoints, logs and weights")
    p.add_argument("--width", type=float, default=0.25, help="times the paper's channels")
    p.add_argument("--channels", type=lambda s: tuple(map(int, s.split(","))),
                   help="instead: ten numbers, of the encoder's layers, inside of the heads, of descriptors")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--workers", type=int, default=0, help="1: pictures are made by another process, beside the training")
    p.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=has_amx(), help="convolutions in bf16 (where the processor has AMX)")
    p.add_argument("--start", type=pathlib.Path, metavar="M.tvis", help="train these weights on, instead of beginning anew")
    p.add_argument("--tune-steps", type=int, default=8000, help="with --start")
    p.add_argument("--shapes", type=int, default=2500, help="synthetic pictures")
    p.add_argument("--shapes-steps", type=int, default=2000)
    p.add_argument("--crops", type=int, default=600, help="parts of photographs to label")
    p.add_argument("--views", type=int, default=10, help="views of each of them that are averaged")
    p.add_argument("--threshold", type=float, default=0.004, help="of labels: what the mean of the views has at least")
    p.add_argument("--joint-steps", type=lambda s: tuple(map(int, s.split(","))), default=(600, 5000),
                   help="steps of each round of labelling and joint training")
    p.add_argument("--pairs", type=int, default=8, help="a step, of two views each")
    p.add_argument("--spots", type=int, default=256, help="places in a pair that descriptors are compared at")
    a = p.parse_args()
    a.channels = a.channels or channels_of(a.width)
    a.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(a.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(a.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # or the worker would outlive this
    if a.start:
        start = from_blob(a.start)
        net = train_joint(a, labels.found_again(a, start), "tune", a.tune_steps, 4e-4, start)
        torch.save(net.folded(), a.out / "superpoint.pth")
        return
    net = train_shapes(a)
    for turn, steps in enumerate(a.joint_steps, 1):
        net = train_joint(a, labels.adapted(a, net, turn), f"joint{turn}", steps, 3e-3, net)
        torch.save(net.folded(), a.out / f"superpoint{turn}.pth")


if __name__ == "__main__":
    main()
