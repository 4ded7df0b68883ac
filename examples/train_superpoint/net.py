# SPDX-License-Identifier: MIT
"""SuperPoint (DeTone et al. 2018), of any channels. While training, a batch norm stands behind every convolution that has a
ReLU; `folded()` gives the plain convolutions, under the names that `tinyvis convert -m superpoint` reads."""
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
    def __init__(self, channels=PAPER):
        super().__init__()
        self.channels = tuple(channels)
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
        self.add_module(name, nn.Conv2d(c, channels, kernel, padding=kernel // 2, bias=not normed))
        if normed:
            self.add_module(name + "_bn", nn.BatchNorm2d(channels))
        return channels

    def _block(self, name, x, pooled=False):
        x = getattr(self, name + "_bn")(getattr(self, name)(x))
        return F.relu(F.max_pool2d(x, 2) if pooled else x)  # either order is the same; this one is faster

    def forward(self, gray, described=True):
        """(n, 1, h, w) of 0 … 1 to 65 scores a cell, before the softmax, and descriptors a cell, of length 1 (or None)."""
        x = gray
        for name in LAYERS:
            x = self._block(name, x, name in POOLED)
        scores = self.convPb(self._block("convPa", x))
        return scores, F.normalize(self.convDb(self._block("convDa", x)), dim=1) if described else None

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


def heat(scores):
    """Scores a cell to a probability a pixel: (n, h, w)."""
    p = torch.softmax(scores.float(), 1)[:, :-1]
    return F.pixel_shuffle(p, CELL)[:, 0]


def cells(points, w, h, sigma=0.7):
    """Points (n, 2), between pixels too, to what the detector should say of each cell: (h / 8, w / 8, 65), sums of 1, the last
    one "none". A point is a narrow bell on the pixels of its cell, so that a near miss costs less than a far one and the centre
    of mass is where the point is. Of several points in a cell the last one counts."""
    out = np.zeros((h // CELL, w // CELL, CELL * CELL + 1), np.float32)
    out[..., -1] = 1
    points = points[((points > -0.5) & (points < (w - 0.5, h - 0.5))).all(1)]
    cell = np.floor(points + 0.5).astype(int) // CELL
    away = np.arange(CELL) - (points - cell * CELL)[:, :, None]  # (n, x or y, 8)
    bell = np.exp(-away ** 2 / (2 * sigma ** 2))
    deep = (bell[:, 1, :, None] * bell[:, 0, None, :]).reshape(-1, CELL * CELL)
    out[cell[:, 1], cell[:, 0], :-1] = deep / deep.sum(1, keepdims=True)
    out[cell[:, 1], cell[:, 0], -1] = 0
    return out
