# SPDX-License-Identifier: MIT
"""Writes pruned_features.txt and pruned_features.npy: outputs of vision transformers without some of their heads and
hidden units, and of SuperPoint without some of its channels.

    python3 make_pruned_features.py    needs torch; made with 2.13, on a CPU
"""
import os

import numpy as np
import torch

import make_pruned
import make_superpoint
import make_vits
import seeded

HERE = make_pruned.HERE
SEED = make_vits.SEED
assert SEED == make_superpoint.SEED


def cut_layer(layer, rows=None, columns=None):
    if rows is not None:
        layer.weight.data, layer.bias.data = layer.weight.data[rows], layer.bias.data[rows]
    if columns is not None:
        layer.weight.data = layer.weight.data[:, columns]


def cut_heads(attn, heads, key):
    """A head goes with its queries, keys and values, and with the columns that read it. Answers how many stay."""
    width = attn.proj.weight.shape[0]
    each = width // heads
    stays = make_pruned.keep(key, heads)
    columns = (stays[:, None] * each + torch.arange(each)).flatten()
    cut_layer(attn.qkv, rows=torch.cat([part * width + columns for part in range(3)]))
    cut_layer(attn.proj, columns=columns)
    return len(stays)


def cut_hidden(mlp, key):
    stays = make_pruned.keep(key, mlp.fc1.weight.shape[0])
    cut_layer(mlp.fc1, rows=stays)
    cut_layer(mlp.fc2, columns=stays)


def vit(name):
    """The network without a quarter of its units; layers' shapes before that, and keys of the groups that they write."""
    net = make_vits.fill(make_vits.NETS[name]())
    layers = [(net.patch_embed.proj.weight.shape, "-")]
    for i, block in enumerate(net.blocks):
        heads, hidden = f"blocks.{i}.attn.qkv", f"blocks.{i}.mlp.fc1"
        if name.startswith("dino_") and block is net.blocks[-1]:
            heads = "-"  # each head's attention is an output
        layers += [(m.weight.shape, key) for m, key in [(block.attn.qkv, heads), (block.attn.proj, "-"),
                                                        (block.mlp.fc1, hidden), (block.mlp.fc2, "-")]]
        if heads != "-":
            block.heads = cut_heads(block.attn, block.heads, heads)
        cut_hidden(block.mlp, hidden)
    return net, layers, (28, 14) if name.endswith(("14", "14_reg")) else (32, 16)


def superpoint(name):
    net = seeded.fill(make_superpoint.SuperPoint(1.0), SEED)
    groups = make_pruned.Groups(net)
    keys = groups.keys()
    layers = [(m.weight.shape, keys.get(groups.find(y), "-")[0]) for _, m, _, y in groups.layers]
    make_pruned.cut(groups)
    return net, layers, (40, 56)


def run(net, x):
    """Outputs in the order of tinyvis's elements: maps with their channels last."""
    with torch.no_grad():
        y = net(x)
    return [(t.permute(0, 2, 3, 1) if t.dim() == 4 else t).reshape(-1).numpy() for t in y]


def make(name, at):
    net, layers, (h, w) = (superpoint if name == "superpoint" else vit)(name)
    planes = layers[0][0][1]
    x = torch.from_numpy(seeded.values(SEED, "input", "input", (1, planes, h, w)))
    single = run(net.float(), x)
    double = run(net.double(), x.double())
    if name.startswith("dinov2_"):  # the attention is an output of DINO's only
        single, double = single[:2], double[:2]
    spans = [float(y.max() - y.min()) for y in double]
    assert all(y.std() > 0.1 * span for y, span in zip(double, spans)), "nearly constant outputs would hide errors"
    gap = max(float(np.abs(a - b).max()) / span for a, b, span in zip(single, double, spans))
    groups = len({key for _, key in layers} - {"-"})
    head = f"net {name} {h} {w} {gap:.2e} groups {groups} layers {len(layers)} at {at}"
    print(head, flush=True)
    lines = [" ".join(map(str, (*shape[:2], *(shape[2:] or (1, 1)), key))) for shape, key in layers]
    return [head, *lines], np.concatenate(double).astype(np.float32)


def main():
    lines, stored, at = [], [], 0
    for name in ["superpoint", *make_vits.NETS]:
        more, y = make(name, at)
        lines += more
        stored.append(y)
        at += len(y)
    np.save(os.path.join(HERE, "pruned_features.npy"), np.concatenate(stored))
    with open(os.path.join(HERE, "pruned_features.txt"), "w") as f:
        print(*lines, sep="\n", file=f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
