# SPDX-License-Identifier: MIT
"""SuperPoint (DeTone et al. 2018), of any channels. While it is trained from nothing, a batch norm stands behind every convolution
that has a ReLU; `folded()` gives the plain convolutions, under the names that `tinyvis convert -m superpoint` reads, and these
may be trained on without norms, in half the time."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

CELL = 8
LAYERS = ("conv1a", "conv1b", "conv2a", "conv2b", "conv3a", "conv3b", "conv4a", "conv4b")
POOLED = ("conv1b", "conv2b", "conv3b")
PAPER = (64, 64, 64, 64, 128, 128, 128, 128, 256, 256)


def channels_of(width):
    """The paper's channels times a factor, in eights: eight of the encoder, those inside of the heads, of the descriptors."""
    return tuple(max(8, int(c * width + 4) // 8 * 8) for c in PAPER)


class SuperPoint(nn.Module):
    def __init__(self, channels=PAPER, normed=True):
        super().__init__()
        self.channels, self.normed = tuple(channels), normed
        *encoder, head, descriptor = self.channels
        c = 1
        for name, k in zip(LAYERS, encoder, strict=True):
            c = self._add(name, c, k, 3, True)
        self._add("convPa", c, head, 3, True)
        self._add("convPb", head, CELL * CELL + 1, 1, False)
        nn.init.constant_(self.convPb.bias[-1], 5.0)  # most cells have no point
        self._add("convDa", c, head, 3, True)
        self._add("convDb", head, descriptor, 1, False)

    def _add(self, name, c, channels, kernel, normed):
        normed = normed and self.normed
        self.add_module(name, nn.Conv2d(c, channels, kernel, padding=kernel // 2, bias=not normed))
        if normed:
            self.add_module(name + "_bn", nn.BatchNorm2d(channels))
        return channels

    def _block(self, name, x, pooled=False):
        x = getattr(self, name)(x)
        if self.normed:
            x = getattr(self, name + "_bn")(x)
        return F.relu(F.max_pool2d(x, 2) if pooled else x)  # either order is the same; this one is faster

    def forward(self, gray, described=True):
        """(n, 1, h, w) of 0 … 1 to 65 scores a cell, before the softmax, and descriptors a cell, of length 1 (or None)."""
        x = gray
        for name in LAYERS:
            x = self._block(name, x, name in POOLED)
        scores = self.convPb(self._block("convPa", x))
        return scores, F.normalize(self.convDb(self._block("convDa", x)).float(), dim=1) if described else None

    def folded(self):
        """Weights and biases without batch norms: a dictionary of fp32 tensors."""
        out = {}
        for name, conv in self.named_children():
            if not isinstance(conv, nn.Conv2d):
                continue
            w, b = conv.weight.detach().double(), conv.bias
            b = torch.zeros(w.shape[0], dtype=torch.double) if b is None else b.detach().double()
            bn = getattr(self, name + "_bn", None)
            if bn is not None:
                k = bn.weight.detach().double() / torch.sqrt(bn.running_var.double() + bn.eps)
                w, b = w * k[:, None, None, None], bn.bias.detach().double() - bn.running_mean.double() * k
            out[name + ".weight"], out[name + ".bias"] = w.float().contiguous(), b.float().contiguous()
        return out


def batch(ims):
    """Pictures (h, w) of 0 … 255 to what the network takes."""
    x = torch.from_numpy(np.stack(ims).astype(np.float32) / 255)[:, None]
    return x.contiguous(memory_format=torch.channels_last)


def heat(scores):
    """Scores a cell to a probability a pixel: (n, h, w)."""
    p = torch.softmax(scores.float(), 1)[:, :-1]
    return F.pixel_shuffle(p, CELL)[:, 0]


def sample(descriptors, spots):
    """Descriptors (c, h / 8, w / 8) between the cells, where inference looks for them (TVIS_KEYPOINTS_DEMO): (c, n)."""
    at = torch.from_numpy(spots / (descriptors.shape[2] * CELL / 2, descriptors.shape[1] * CELL / 2) - 1).float()[None, None]
    d = F.grid_sample(descriptors[None], at, mode="bilinear", align_corners=True)[0, :, 0]
    return F.normalize(d, dim=0)


def cells(points, w, h, shares=None, sigma=0.7):
    """Points (n, 2), between pixels too, to what the detector should say of each cell: (h / 8, w / 8, 65), sums of 1, the last
    one "none", which gets 1 - share of a point's cell (n; all of it is the point's if None). A point is a narrow bell on the
    pixels of its cell, so that a near miss costs less than a far one and the centre of mass is where the point is. Of several
    points in a cell the last one counts."""
    out = np.zeros((h // CELL, w // CELL, CELL * CELL + 1), np.float32)
    out[..., -1] = 1
    shown = ((points > -0.5) & (points < (w - 0.5, h - 0.5))).all(1)
    points, shares = points[shown], np.ones(shown.sum()) if shares is None else shares[shown]
    cell = np.floor(points + 0.5).astype(int) // CELL
    away = np.arange(CELL) - (points - cell * CELL)[:, :, None]  # (n, x or y, 8)
    bell = np.exp(-away ** 2 / (2 * sigma ** 2))
    deep = (bell[:, 1, :, None] * bell[:, 0, None, :]).reshape(-1, CELL * CELL)
    out[cell[:, 1], cell[:, 0], :-1] = deep * (shares / deep.sum(1))[:, None]
    out[cell[:, 1], cell[:, 0], -1] = 1 - shares
    return out
