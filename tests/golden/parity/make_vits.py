# SPDX-License-Identifier: MIT
"""Writes vits.npy and vits.txt beside it: outputs of DINO's and DINOv2's vision transformers with seeded weights.

    python3 make_vits.py          needs torch, timm and transformers; made with 2.13, 1.0 and 5.23, on a CPU

The networks are written down here after the papers and the published code, with the names of facebookresearch. Before
anything is written they are compared with timm's and transformers' own, as far as these do the same: blocks at the size
of the position embedding, and timm's stretching of it, which is that of DINOv2 with registers.
"""
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 4
PROJECTIONS, CLASS_PROJECTIONS = 2, 8


class Block(torch.nn.Module):
    def __init__(self, width, heads, scaled):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = (torch.nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.attn = torch.nn.Module()
        self.attn.qkv, self.attn.proj = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.mlp = torch.nn.Module()
        self.mlp.fc1, self.mlp.fc2 = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)
        if scaled:
            self.ls1, self.ls2 = torch.nn.Module(), torch.nn.Module()
            self.ls1.gamma, self.ls2.gamma = (torch.nn.Parameter(torch.ones(width)) for _ in range(2))
        self.scaled = scaled

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.attn.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        self.attention = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
        y = self.attn.proj((self.attention @ v).transpose(1, 2).reshape(b, t, -1))
        x = x + (self.ls1.gamma * y if self.scaled else y)
        y = self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))
        return x + (self.ls2.gamma * y if self.scaled else y)


class Vit(torch.nn.Module):
    def __init__(self, width, depth, heads, patch, grid, registers=0, scaled=False, antialias=False):
        super().__init__()
        self.patch, self.grid, self.antialias = patch, grid, antialias
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, 1 + grid * grid, width))
        if registers:
            self.register_tokens = torch.nn.Parameter(torch.zeros(1, registers, width))
        if scaled:
            self.mask_token = torch.nn.Parameter(torch.zeros(1, width))
        self.registers = registers
        self.patch_embed = torch.nn.Module()
        self.patch_embed.proj = torch.nn.Conv2d(3, width, patch, patch)
        self.blocks = torch.nn.ModuleList(Block(width, heads, scaled) for _ in range(depth))
        self.norm = torch.nn.LayerNorm(width, eps=1e-6)

    def position(self, h, w):
        if (h, w) == (self.grid, self.grid):
            return self.pos_embed
        p = self.pos_embed[:, 1:].reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        if self.antialias:  # dinov2 with registers: interpolate_antialias=True, interpolate_offset=0.0
            p = F.interpolate(p, size=(h, w), mode="bicubic", antialias=True)
        else:  # dino, dinov2: "we add a small number to avoid floating point error in the interpolation"
            p = F.interpolate(p, scale_factor=((h + 0.1) / self.grid, (w + 0.1) / self.grid), mode="bicubic")
        assert p.shape[-2:] == (h, w)
        return torch.cat((self.pos_embed[:, :1], p.permute(0, 2, 3, 1).flatten(1, 2)), 1)

    def forward(self, x):
        h, w = x.shape[2] // self.patch, x.shape[3] // self.patch
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.position(h, w)
        if self.registers:
            x = torch.cat((x[:, :1], self.register_tokens.expand(len(x), -1, -1), x[:, 1:]), 1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x[:, 0], x[:, 1 + self.registers:], self.blocks[-1].attention[:, :, 0]


NETS = {
    "dino_vits16": lambda: Vit(384, 12, 6, 16, 14),
    "dino_vitb16": lambda: Vit(768, 12, 12, 16, 14),
    "dinov2_vits14": lambda: Vit(384, 12, 6, 14, 37, 0, True),
    "dinov2_vits14_reg": lambda: Vit(384, 12, 6, 14, 37, 4, True, True),
    "dinov2_vitb14": lambda: Vit(768, 12, 12, 14, 37, 0, True),
    "dinov2_vitb14_reg": lambda: Vit(768, 12, 12, 14, 37, 4, True, True),
    "dinov2_vitl14": lambda: Vit(1024, 24, 16, 14, 37, 0, True),
    "dinov2_vitl14_reg": lambda: Vit(1024, 24, 16, 14, 37, 4, True, True),
}
# the first of each, with few patches, has all its outputs in the file
SIZES_16 = [(32, 16), (224, 224), (160, 160), (240, 320), (96, 96)]
SIZES_14 = [(28, 14), (224, 224), (154, 154), (238, 322), (98, 98)]
MORE = {"dino_vits16": [(256, 256)], "dinov2_vits14": [(252, 252), (518, 518)], "dinov2_vits14_reg": [(252, 252)],
        "dinov2_vitb14": [(518, 518)]}


def sizes(name):
    if "vitl" in name:
        return [(98, 98), (224, 224)]
    return (SIZES_16 if name.endswith("16") else SIZES_14) + MORE.get(name, [])


def role_of(name):
    layer, _, what = name.rpartition(".")
    if what == "gamma":
        return "scale"
    if not layer:
        return "token"
    return f"bn_{what}" if "norm" in layer else what


def fill(net):
    net.load_state_dict({n: torch.from_numpy(seeded.values(SEED, n, role_of(n), tuple(t.shape)))
                         for n, t in net.state_dict().items()})
    return net.eval()


def run(net, x):
    with torch.no_grad():
        return [y[0].numpy() for y in net(x)]


def timm_state(state, registers):
    """timm adds the class token's position to the token where there are registers, and has no mask token."""
    state = {n.replace("register_tokens", "reg_token"): t for n, t in state.items() if n != "mask_token"}
    if registers:
        state["cls_token"] = state["cls_token"] + state["pos_embed"][:, :1]
        state["pos_embed"] = state["pos_embed"][:, 1:]
    return state


def hugging_face_state(state):
    out = {}
    for n, t in state.items():
        for ours, theirs in [("patch_embed.proj", "embeddings.patch_embeddings.projection"), ("blocks.", "encoder.layer."),
                             ("cls_token", "embeddings.cls_token"), ("mask_token", "embeddings.mask_token"),
                             ("register_tokens", "embeddings.register_tokens"), ("pos_embed", "embeddings.position_embeddings"),
                             ("attn.proj", "attention.o_proj"), ("ls1.gamma", "layer_scale1.lambda1"),
                             ("ls2.gamma", "layer_scale2.lambda1")]:
            n = n.replace(ours, theirs)
        if n.startswith("norm."):
            n = "layer" + n
        if "attn.qkv" in n:
            for part, piece in zip(("q_proj", "k_proj", "v_proj"), t.chunk(3)):
                out[n.replace("attn.qkv", f"attention.{part}")] = piece
        else:
            out[n] = t
    return out


def check_against_others():
    """Largest differences over the range, of whole networks."""
    import timm
    import transformers

    def differ(what, net, other, x):
        a, b = run(net, x), other
        worst = max(float(np.abs(u - v).max() / (u.max() - u.min())) for u, v in zip(a, b))
        print(f"{what}: {worst:.1e} of the range")
        assert worst < 1e-5

    for ours, theirs, side, more in [("dino_vits16", "vit_small_patch16_224.dino", 224, {}),
                                     ("dinov2_vits14", "vit_small_patch14_dinov2", 518, {}),
                                     ("dinov2_vits14_reg", "vit_small_patch14_reg4_dinov2", (238, 322), {"dynamic_img_size": True})]:
        net = fill(NETS[ours]())
        other = timm.create_model(theirs, num_classes=0, **more).eval()
        other.load_state_dict(timm_state(net.state_dict(), net.registers))
        h, w = side if isinstance(side, tuple) else (side, side)
        x = torch.from_numpy(seeded.values(SEED, "input", "input", (1, 3, h, w)))
        with torch.no_grad():
            y = other.forward_features(x)[0].numpy()
        differ(f"{ours}, timm", net, (y[0], y[1 + net.registers:]), x)

    small = dict(hidden_size=96, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14, layer_norm_eps=1e-6)
    for registers, config, model in [(0, transformers.Dinov2Config, transformers.Dinov2Model),
                                     (4, transformers.Dinov2WithRegistersConfig, transformers.Dinov2WithRegistersModel)]:
        net = fill(Vit(96, 3, 4, 14, 4, registers, True, registers > 0))
        other = model(config(**small)).eval()
        other.load_state_dict(hugging_face_state(net.state_dict()))
        side = (70, 84) if registers else (56, 56)
        x = torch.from_numpy(seeded.values(SEED, "input", "input", (1, 3, *side)))
        with torch.no_grad():
            y = other(x).last_hidden_state[0].numpy()
        differ(f"{registers} registers, transformers", net, (y[0], y[1 + registers:]), x)


def signs(n, count):
    return np.where(seeded.values(SEED, "signs", "token", (count, n)) < 0, -1.0, 1.0)


def projected(y, count):
    """Sums of each row's elements with random signs, `count` of them."""
    return y.astype(np.float64) @ signs(y.shape[-1], count).T


def span(y):
    return float(y.max() - y.min())


def measure(name, h, w, full):
    net = fill(NETS[name]())
    x = torch.from_numpy(seeded.values(SEED, "input", "input", (1, 3, h, w)))
    single = run(net, x)
    double = run(net.double(), x.double())
    rows = np.concatenate((double[0][None], double[1]))
    deviation = min(float(row.std()) / span(row) for row in rows)
    among = float(double[1].std(0).mean() / double[1].std()) if len(double[1]) > 1 else 1.0
    tokens = double[2].shape[1]
    focus = float(double[2].max() * tokens)
    assert deviation > 0.1 and among > 0.1 and focus > min(3, tokens / 2), "nearly constant outputs would hide errors"
    gaps = [float(np.abs(a - b).max()) / span(b) for a, b in zip(single, double)]
    stored = []
    for y, count in zip(double if name.startswith("dino_") else double[:2], (CLASS_PROJECTIONS, PROJECTIONS, PROJECTIONS)):
        whole = full or (y.ndim == 1 and (h, w) == (224, 224))
        stored.append((y if whole else projected(y, count)).astype(np.float32).reshape(-1))
    line = f"{name} {h} {w} {int(full)} " + " ".join(f"{span(y):.6g}" for y in double) + f" {max(gaps):.2e}"
    print(line, f"  {deviation:.3f} of the range deviates, {among:.2f} of it among tokens, attention {focus:.1f}", flush=True)
    return stored, line


def cost(name):
    """Parameters, and multiply-accumulates at 224 x 224: of layers, and of the two products in each attention."""
    net, macs = NETS[name](), []
    for layer in net.modules():
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
            layer.register_forward_hook(lambda m, _, y: macs.append(y.numel() * m.weight[0].numel()))
        if isinstance(layer, Block):
            layer.register_forward_hook(lambda m, _, y: macs.append(2 * y.shape[1] * y.numel()))
    run(net, torch.zeros(1, 3, 224, 224))
    return f"{sum(p.numel() for p in net.parameters())} {sum(macs)}"


def main():
    check_against_others()
    stored, lines = [], []
    for name in NETS:
        lines.append(f"{name} {cost(name)} {len(sizes(name))}")
        for i, (h, w) in enumerate(sizes(name)):
            more, line = measure(name, h, w, i == 0 and "vitl" not in name)
            stored += more
            lines.append(f"{line} {sum(map(len, stored)) - sum(map(len, more))}")
    np.save(os.path.join(HERE, "vits.npy"), np.concatenate(stored))
    with open(os.path.join(HERE, "vits.txt"), "w") as f:
        print(f"seed {SEED}", *lines, sep="\n", file=f)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
