# SPDX-License-Identifier: MIT
"""The networks of src/models in PyTorch, with well-conditioned weights from a seed, and pictures for them."""
import contextlib
import functools
import os
import sys

import numpy as np
import torch
from torch import nn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "golden", "parity"))
SEED = 20240601
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


@functools.cache
def have_torchvision():
    """A torchvision that was built for CUDA wants two operators defined before a torch without CUDA imports it."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def torchvision(name, **options):
    have_torchvision()
    import torchvision.models
    return getattr(torchvision.models, name)(**options)


def timm(name):
    have_torchvision()
    import timm as models
    return models.create_model(name)


def superpoint(_):
    from make_superpoint import SuperPoint
    return SuperPoint(1.0)


class Attention(nn.Module):
    """A block's, in one call of PyTorch's: scaled_dot_product_attention, or the module MultiheadAttention."""

    def __init__(self, block, module):
        super().__init__()
        qkv, proj, self.heads = block.attn.qkv, block.attn.proj, block.heads
        if module:
            self.module = nn.MultiheadAttention(proj.in_features, self.heads, batch_first=True)
            self.module.in_proj_weight, self.module.in_proj_bias, self.module.out_proj = qkv.weight, qkv.bias, proj
        else:
            self.module, self.qkv, self.proj = None, qkv, proj

    def forward(self, x):
        if self.module:
            return self.module(x, x, x, need_weights=False)[0]
        b, t, c = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, c))


class Layers(nn.Module):
    """A block of a vision transformer without its attention map as a result."""

    def __init__(self, block, module):
        super().__init__()
        self.block, self.attention = block, Attention(block, module)

    def forward(self, x):
        block = self.block
        y = self.attention(block.norm1(x))
        x = x + (block.ls1.gamma * y if block.scaled else y)
        y = block.mlp.fc2(nn.functional.gelu(block.mlp.fc1(block.norm2(x))))
        return x + (block.ls2.gamma * y if block.scaled else y)


class Features(nn.Module):
    """A vision transformer's class token and patch tokens, with the position embedding of a size as a constant.
    attention: None as it is written in make_vits.py, "fused" or "mha"."""

    def __init__(self, net, size=(224, 224), attention=None):
        super().__init__()
        self.net = net
        if attention:
            net.blocks = nn.ModuleList(Layers(block, attention == "mha") for block in net.blocks)
        self.position = nn.Parameter(net.position(*(s // net.patch for s in size)).detach(), False)

    def forward(self, x):
        net = self.net
        x = net.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat((net.cls_token.expand(len(x), -1, -1), x), 1) + self.position
        for block in net.blocks:
            x = block(x)
        x = net.norm(x)
        return x[:, 0], x[:, 1:]


def vit(name):
    from make_vits import NETS
    net = NETS[name]()
    for parameter in (net.cls_token, net.pos_embed):
        nn.init.normal_(parameter, std=0.5)
    return net


# tinyvis's name: what builds it, the builder's name, channels, height, width
NETWORKS = {
    "mobilenet_v2": (torchvision, "mobilenet_v2", 3, 224, 224),
    "mobilenet_v3_small": (torchvision, "mobilenet_v3_small", 3, 224, 224),
    "mobilenet_v3_large": (torchvision, "mobilenet_v3_large", 3, 224, 224),
    "mobilenet_v4_conv_small": (timm, "mobilenetv4_conv_small", 3, 224, 224),
    "efficientnet_b0": (torchvision, "efficientnet_b0", 3, 224, 224),
    "resnet18": (torchvision, "resnet18", 3, 224, 224),
    "resnet50": (torchvision, "resnet50", 3, 224, 224),
    "superpoint": (superpoint, "", 1, 240, 320),
    "dino_vits16": (vit, "dino_vits16", 3, 224, 224),
    "dinov2_vits14": (vit, "dinov2_vits14", 3, 224, 224),
    "dinov2_vitb14": (vit, "dinov2_vitb14", 3, 224, 224),
}


def condition(net, x):
    """Scales as trained networks have them: no layer's output vanishes or explodes, on pictures x."""
    g = torch.Generator().manual_seed(SEED)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.weight.uniform_(0.6, 1.4, generator=g)
                m.bias.normal_(0, 0.2, generator=g)
                m.momentum = None
                m.reset_running_stats()
            elif hasattr(m, "gamma"):
                m.gamma.uniform_(0.2, 0.6, generator=g)
            elif isinstance(m, (nn.Conv2d, nn.Linear)) and m.bias is not None:
                m.bias.normal_(0, 0.05, generator=g)
            if not norms and isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu", generator=g)
        net.eval()
        for m in norms:
            m.train()
        if norms:
            net(x)
    return net.eval()


def structure(name, classes=0):
    """The network with PyTorch's weights of a seed. classes: 0 for as many as it has."""
    make, theirs = NETWORKS[name][:2]
    torch.manual_seed(SEED)
    return make(theirs, num_classes=classes) if classes else make(theirs)


def build(name, x, classes=0):
    return condition(structure(name, classes), x)


def photographs(folder, count, skip, channels, h, w):
    """float32 (count, channels, h, w): pictures of the folder's sorted names for which skip(i) is false, evenly chosen."""
    from PIL import Image
    names = sorted(n for n in os.listdir(folder) if n.lower().endswith((".jpg", ".jpeg", ".png")))
    names = [n for i, n in enumerate(names) if not skip(i)]
    out = []
    for i in range(count):
        with Image.open(os.path.join(folder, names[i * len(names) // count])) as picture:
            if channels == 1:
                out.append(np.asarray(picture.convert("L").resize((w, h), Image.BILINEAR), np.float32)[None] / 255)
                continue
            picture = picture.convert("RGB")
            scale = 256 / min(picture.size)
            picture = picture.resize([round(scale * s) for s in picture.size], Image.BILINEAR)
            left, top = (picture.width - w) // 2, (picture.height - h) // 2
            rgb = np.asarray(picture.crop((left, top, left + w, top + h)), np.float32) / 255
            out.append(((rgb - MEAN) / STD).transpose(2, 0, 1))
    return np.ascontiguousarray(out, np.float32)


def drawn(count, seed, channels, h, w):
    """The same without photographs: waves of all lengths, long ones stronger."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    out = np.zeros((count, channels, h, w), np.float32)
    for picture in out:
        for _ in range(60):
            length = 4 * 100 ** rng.random()
            angle, phase = rng.uniform(0, 2 * np.pi, 2)
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / length + phase)
            picture += rng.normal(0, 1, (channels, 1, 1)) * wave * np.sqrt(length) / 40
    return np.clip(out / 3 + 0.4, 0, 1).astype(np.float32) if channels == 1 else np.clip(out, -2.1, 2.6)


def pictures(name, data, calibrate, test):
    """Those to calibrate with and those to measure on. Of photographs, every fifth is for calibration."""
    shape = NETWORKS[name][2:]
    if not data:
        return drawn(calibrate, 1, *shape), drawn(test, 2, *shape)
    folder = os.path.join(data, "imagenet_sample")
    return (photographs(folder, calibrate, lambda i: i % 5 != 0, *shape),
            photographs(folder, test, lambda i: i % 5 == 0, *shape))
