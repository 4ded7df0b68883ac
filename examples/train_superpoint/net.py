# SPDX-License-Identifier: MIT
"""SuperPoint (DeTone et al. 2018), of any width. While training, a batch norm stands behind every convolution that has a
ReLU; `folded()` gives the plain convolutions, under the names that `tinyvis convert -m superpoint` reads."""
import torch
from torch import nn
import torch.nn.functional as F

CELL = 8
ENCODER = (("conv1a", 64), ("conv1b", 64), ("conv2a", 64), ("conv2b", 64),
           ("conv3a", 128), ("conv3b", 128), ("conv4a", 128), ("conv4b", 128))
POOLED = ("conv1b", "conv2b", "conv3b")


class SuperPoint(nn.Module):
    def __init__(self, width=1.0):
        super().__init__()
        self.width = width
        c = 1
        for name, channels in ENCODER:
            c = self._add(name, c, self._scaled(channels), 3, True)
        head = self._scaled(256)
        self._add("convPa", c, head, 3, True)
        self._add("convPb", head, CELL * CELL + 1, 1, False)
        self._add("convDa", c, head, 3, True)
        self._add("convDb", head, head, 1, False)

    def _scaled(self, channels):
        return max(8, int(channels * self.width + 4) // 8 * 8)

    def _add(self, name, c, channels, kernel, normed):
        self.add_module(name, nn.Conv2d(c, channels, kernel, padding=kernel // 2, bias=not normed))
        if normed:
            self.add_module(name + "_bn", nn.BatchNorm2d(channels))
        return channels

    def _block(self, name, x):
        return F.relu(getattr(self, name + "_bn")(getattr(self, name)(x)))

    def forward(self, gray):
        """(n, 1, h, w) of 0 … 1 to 65 scores a cell, before the softmax, and descriptors a cell, of length 1."""
        x = gray
        for name, _ in ENCODER:
            x = self._block(name, x)
            if name in POOLED:
                x = F.max_pool2d(x, 2)
        scores = self.convPb(self._block("convPa", x))
        return scores, F.normalize(self.convDb(self._block("convDa", x)).float(), dim=1)

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


def cells(points):
    """Pixels with a point, (n, h, w) of 0 and 1, to the class of each cell, (n, h / 8, w / 8): 64 is "none". Of several points
    in a cell a random one counts."""
    deep = F.pixel_unshuffle(points[:, None].float(), CELL)
    none = torch.full_like(deep[:, :1], 0.5)
    return torch.cat((deep + deep * torch.rand_like(deep), none), 1).argmax(1)
