# SPDX-License-Identifier: MIT
"""Writes pruned.txt and pruned.npy: logits of the networks of convnets/ without some of their channels.

    python3 make_pruned.py [CASE...]    needs torch, torchvision and timm, as make_convnets.py does

Which channels belong together is found here, in PyTorch's own graph of the network, and not in tinyvis.
"""
import os
import sys

import numpy as np
import torch
import torch.fx

import make_convnets
import seeded

HERE = make_convnets.HERE
LEAVES = (torch.nn.Conv2d, torch.nn.Linear, torch.nn.BatchNorm2d)
# Modules, functions and methods that leave channels where they are
SAME = {"relu", "relu_", "hardswish", "hardsigmoid", "silu", "sigmoid", "dropout", "flatten", "mean", "adaptive_avg_pool2d", "max_pool2d",
        "contiguous", "identity"}
ELEMENTWISE = {"add", "iadd", "mul", "imul"}


class Tracer(torch.fx.Tracer):
    def is_leaf_module(self, m, name):
        return isinstance(m, LEAVES) or not list(m.children()) and not list(m.parameters()) or super().is_leaf_module(m, name)


class Groups:
    """Values of the graph whose channels are the same ones."""

    def __init__(self, net):
        self.net = net
        self.parent, self.fixed = {}, set()
        self.layers = []  # (name, module, group of the input, group of the output), in the order in which they run
        self.norms = []
        for node in Tracer().trace(net).nodes:
            self.visit(node)

    def find(self, node):
        while self.parent.setdefault(node, node) is not node:
            node = self.parent[node]
        return node

    def join(self, a, b):
        self.parent[self.find(a)] = self.find(b)

    def fix(self, node):
        self.fixed.add(node)

    def visit(self, node):
        inputs = [a for a in node.args if isinstance(a, torch.fx.Node)]
        kind = node.op
        what = getattr(node.target, "__name__", str(node.target))
        if kind == "placeholder":
            self.fix(node)
        elif kind == "output":
            for a in node.all_input_nodes:
                self.fix(a)
        elif kind == "call_module":
            self.visit_module(node, inputs[0], self.net.get_submodule(node.target))
        elif what in ELEMENTWISE:
            for a in inputs:
                self.join(a, node)
        elif what in SAME:
            self.join(inputs[0], node)
        elif what in ("norm", "truediv"):  # SuperPoint's descriptors, which are an output
            for a in inputs:
                self.fix(a)
            self.fix(node)
        elif what in ("pad", "getitem"):  # the shortcut of ResNet-20, which has channels of zeros on both sides
            self.fix(inputs[0])
            self.fix(node)
        else:
            raise ValueError(f"{kind} {what}")

    def visit_module(self, node, x, m):
        depthwise = isinstance(m, torch.nn.Conv2d) and m.groups > 1
        if isinstance(m, torch.nn.BatchNorm2d):
            self.norms.append((m, node))
        if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            self.layers.append((str(node.target), m, x, node))
        if isinstance(m, LEAVES[:2]) and not depthwise:
            return
        assert not depthwise or m.groups == m.in_channels == m.out_channels
        self.join(x, node)

    def is_fixed(self, node):
        return self.find(node) in {self.find(f) for f in self.fixed}

    def keys(self):
        """The first layer that writes each group: its name is what is left out by."""
        keys = {}
        for name, m, _, y in self.layers:
            if not self.is_fixed(y):
                keys.setdefault(self.find(y), (name, m.weight.shape[0]))
        return keys


def keep(name, units):
    """A quarter goes."""
    stays = seeded.values(make_convnets.SEED, "keep." + name, "bn_mean", (units,)) > np.float32(-0.05)
    stays[0] = True
    return torch.from_numpy(np.flatnonzero(stays))


def cut(groups):
    keys = groups.keys()
    stays = lambda node, count: keep(*keys[groups.find(node)]) if groups.find(node) in keys else torch.arange(count)
    for _, m, x, y in groups.layers:
        out, depthwise = stays(y, m.weight.shape[0]), isinstance(m, torch.nn.Conv2d) and m.groups > 1
        w = m.weight.data[out]
        m.weight.data = w if depthwise else w[:, stays(x, w.shape[1])]
        if m.bias is not None:
            m.bias.data = m.bias.data[out]
        if depthwise:
            m.groups = len(out)
    for m, y in groups.norms:
        out = stays(y, m.num_features)
        for t in (m.weight, m.bias, m.running_mean, m.running_var):
            t.data = t.data[out]


def make(file, at, arch, same, network, sizes, classes, width=1.0):
    net = seeded.fill(network(classes), make_convnets.SEED)
    planes = next(net.parameters()).shape[1]
    make_convnets.calibrate(net, seeded.values(make_convnets.SEED, "input", "input", (1, planes, *sizes[0])))
    groups = Groups(net)
    keys = groups.keys()
    lines = [" ".join(map(str, (*m.weight.shape[:2], *(m.weight.shape[2:] or (1, 1)), keys.get(groups.find(y), "-")[0])))
             for _, m, _, y in groups.layers]
    cut(groups)
    h, w = (64, 64) if (64, 64) in sizes else sizes[0]
    y, gap = seeded.reference(net.float(), seeded.values(make_convnets.SEED, "input", "input", (1, planes, h, w)))
    spread = float(y.max() - y.min())
    assert y.std() > 0.1 * spread, "nearly constant logits would hide errors"
    head = f"net {file} {h} {w} {gap / spread:.2e} groups {len(keys)} layers {len(lines)} at {at}"
    print(head, f"mean {y.mean():.3f} range {spread:.3f}", flush=True)
    return [head, *lines], y.reshape(-1)


def main():
    lines, logits, at = [], [], 0
    for file in sys.argv[1:] or make_convnets.CASES:
        more, y = make(file, at, *make_convnets.CASES[file])
        lines += more
        logits.append(y)
        at += len(y)
    np.save(os.path.join(HERE, "pruned.npy"), np.concatenate(logits))
    with open(os.path.join(HERE, "pruned.txt"), "w") as f:
        print(*lines, sep="\n", file=f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
