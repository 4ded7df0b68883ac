# SPDX-License-Identifier: MIT
"""Trains a SuperPoint from nothing: python3 train.py --pictures FOLDER --out FOLDER

  shapes   the detector on synthetic shapes
  label    homographic adaptation: points of photographs that many views of them agree on
  joint    detector and descriptors on pairs of views of the labelled photographs
Labelling and joint training are repeated, each round with the detector of the last one. Stopped at any point, the same command goes on where it was; every
random number is drawn from (seed, stage, step)."""
import argparse
import pathlib
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import pictures
import shapes
import warps
from net import SuperPoint, cells, channels_of, heat

LABEL_W, LABEL_H = 256, 192
FAINT = 6.0  # squared gray levels a pixel
FEWEST = 25  # points of a labelled part that is trained on
W, H = shapes.W, shapes.H


class Run:
    """A net, its optimizer, and where it stands; kept in one file."""

    def __init__(self, a, stage, steps, rate):
        self.file, self.steps, self.step, self.rate = a.out / f"{stage}.pt", steps, 0, rate
        self.net = SuperPoint(a.channels).to(memory_format=torch.channels_last)
        self.opt = torch.optim.AdamW(self.net.parameters(), lr=rate, weight_decay=1e-4)
        self.log, self.sums, self.count, self.cpu, self.began = a.out / f"{stage}.csv", {}, 0, 0.0, time.process_time()
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.opt.load_state_dict(state["opt"])
            self.step, self.cpu = state["step"], state["cpu"]

    def begin(self, seed):
        """At each step: the random numbers that PyTorch draws in it."""
        torch.manual_seed(seed * 1000003 + self.step)
        return self.step < self.steps

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


def batch(ims):
    x = torch.from_numpy(np.stack(ims).astype(np.float32) / 255)[:, None]
    return x.contiguous(memory_format=torch.channels_last)


def mark(points, w, h):
    """Points to a picture (h, w) of 0 and 1."""
    out = np.zeros((h, w), np.uint8)
    p = np.round(points).astype(int)
    p = p[(p >= 0).all(1) & (p[:, 0] < w) & (p[:, 1] < h)]
    out[p[:, 1], p[:, 0]] = 1
    return out


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
    while run.begin(a.seed):
        x, target, valid = shapes_batch(a, pool, run.step, 2 * a.pairs)
        run.learn({"points": detector_loss(run.net(x, False)[0], target, valid)})
    return run.net


# ---- labels ----

def adapted(a, net, rng, im):
    """The mean of what the detector says of many views, seen from the picture."""
    h, w = im.shape
    views, homographies = [im.astype(np.float32)], [np.eye(3)]
    for _ in range(a.views - 1):
        m = warps.homography(rng, w, h, 0.9)
        homographies.append(m)
        views.append(warps.picture(m, im.astype(np.float32), w, h))
    with torch.no_grad():
        maps = torch.cat([heat(net(batch(views[i:i + 8]), False)[0]) for i in range(0, len(views), 8)]).numpy()
    total, seen = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    for p, m in zip(maps, homographies):
        back = np.linalg.inv(m)
        inside = warps.valid(m, w, h)
        total += warps.picture(back, p * inside, w, h)
        seen += warps.picture(back, inside.astype(np.float32), w, h)
    return total / np.maximum(seen, 1e-3) * (seen > 3)


def peaks(p, threshold, radius=4, most=200):
    """Local maxima, strongest first: (n, 2)."""
    best = cv2.dilate(p, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    y, x = np.nonzero((p == best) & (p > threshold))
    order = np.argsort(-p[y, x], kind="stable")[:most]
    return np.stack((x, y), 1)[order].astype(np.float32)


def vertex(v):
    """Where the parabola through three values is highest, from the middle one."""
    bend = 2 * v[1] - v[0] - v[2] if len(v) == 3 else 0
    return float(np.clip((v[2] - v[0]) / (2 * bend), -0.5, 0.5)) if bend > 0 else 0.0


def corners(im, points, reach=8, apart=3, most=120):
    """The corners of the picture (local maxima of the smaller eigenvalue of the structure tensor, between pixels) that have one of
    the points within reach: the mean of the views knows where there are points, but not to the pixel. Points on a mere edge, which
    could be anywhere along it, and faint ones, which another light hides, are none. The sharpest come last: of several in a cell
    that one counts."""
    values = cv2.cornerEigenValsAndVecs(cv2.GaussianBlur(im.astype(np.float32), (5, 5), 1.0), 3, 3)
    corner, edge = values[..., :2].min(2), values[..., :2].max(2)
    h, w = im.shape
    best = cv2.dilate(corner, np.ones((2 * apart + 1, 2 * apart + 1), np.uint8))
    near = cv2.dilate(mark(points, w, h), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    y, x = np.nonzero((corner == best) & (corner > np.maximum(0.08 * edge, FAINT)) & (near > 0))
    order = np.argsort(corner[y, x], kind="stable")[-most:]
    return np.array([(i + vertex(corner[j, max(0, i - 1):i + 2]), j + vertex(corner[max(0, j - 1):j + 2, i]))
                     for j, i in zip(y[order], x[order])], np.float32).reshape(-1, 2)


def label(a, net, turn):
    """Crops of the photographs and their points, in files of 100."""
    net.eval()
    photos = pictures.load(a.pictures, "train")
    folder = a.out / f"labels{turn}"
    folder.mkdir(exist_ok=True)
    for start in range(0, a.crops, 100):
        file = folder / f"{start:05d}.npz"
        if file.exists():
            continue
        ims, all_points = [], []
        for i in range(start, start + 100):
            rng = np.random.default_rng((a.seed, 2, i))
            im = pictures.crop(rng, photos, LABEL_W, LABEL_H)
            ims.append(im)
            all_points.append(peaks(adapted(a, net, rng, im), a.threshold))
        new = folder / "new.npz"
        np.savez(new, ims=np.stack(ims), counts=[len(p) for p in all_points], points=np.concatenate(all_points))
        new.replace(file)
    ims, points = [], []
    for file in sorted(folder.glob("[0-9]*.npz")):
        z = np.load(file)
        ims += list(z["ims"])
        points += np.split(z["points"], np.cumsum(z["counts"])[:-1])
    both = [(im, corners(im, p)) for im, p in zip(ims, points)]
    both = [b for b in both if len(b[1]) >= FEWEST]
    if not both:
        raise SystemExit("the detector finds too little in the photographs: more --shapes-steps or a lower --threshold")
    return [b[0] for b in both], [b[1] for b in both]


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
    rng = np.random.default_rng((a.seed, 3, step, i))
    ims, points = labelled
    k = rng.integers(len(ims))
    for _ in range(20):
        first, second = view(rng, ims[k], points[k], 0.5), view(rng, ims[k], points[k], 1.0)
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
    return first, second, spots[chosen], there[chosen]


def sample(descriptors, spots):
    """Descriptors (c, h / 8, w / 8) between the cells, where inference looks for them (TVIS_KEYPOINTS_DEMO)."""
    at = torch.from_numpy(spots / (W / 2, H / 2) - 1).float()[None, None]
    d = F.grid_sample(descriptors[None], at, mode="bilinear", align_corners=True)[0, :, 0]
    return F.normalize(d, dim=0)


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


def train_joint(a, labelled, turn, steps, start):
    run = Run(a, f"joint{turn}", steps, 3e-3)
    if run.step == 0:
        run.net.load_state_dict(start.state_dict())
    run.net.train()
    pool = drawn(a) if run.step < run.steps else []
    while run.begin(a.seed):
        pairs = [pair(a, run.step, i, labelled) for i in range(a.pairs)]
        drawn_x, drawn_target, drawn_valid = shapes_batch(a, pool, run.step, a.pairs)
        x = torch.cat((batch([p[0][0] for p in pairs] + [p[1][0] for p in pairs]), drawn_x))
        target = torch.from_numpy(np.stack([cells(p[k][1], W, H) for k in (0, 1) for p in pairs]))
        valid = torch.from_numpy(np.stack([p[0][2] for p in pairs] + [p[1][2] for p in pairs]))
        scores, d = run.net(x)
        scores, drawn_scores = scores[:2 * a.pairs], scores[2 * a.pairs:]
        run.learn({"points": detector_loss(scores, target, valid),
                   "shapes": detector_loss(drawn_scores, drawn_target, drawn_valid),
                   "descriptors": descriptor_loss(d[:a.pairs], d[a.pairs:2 * a.pairs], [p[2:] for p in pairs])})
    return run.net


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pictures", required=True, type=pathlib.Path, help="folder that pictures.py filled")
    p.add_argument("--out", required=True, type=pathlib.Path, help="folder for checkpoints, logs and weights")
    p.add_argument("--width", type=float, default=0.25, help="times the paper's channels")
    p.add_argument("--channels", type=lambda s: tuple(map(int, s.split(","))),
                   help="instead: ten numbers, of the encoder's layers, inside of the heads, of descriptors")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=1)
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
    net = train_shapes(a)
    for turn, steps in enumerate(a.joint_steps, 1):
        net = train_joint(a, label(a, net, turn), turn, steps, net)
        torch.save(net.folded(), a.out / f"superpoint{turn}.pth")


if __name__ == "__main__":
    main()
