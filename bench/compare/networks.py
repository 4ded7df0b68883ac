# SPDX-License-Identifier: MIT
"""The networks of src/models in PyTorch, with well-conditioned weights from a seed, and pictures for them."""
import os
import sys

import numpy as np
import torch
from torch import nn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "golden", "parity"))
SEED = 20240601
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def torchvision(name):
    import torchvision.models
    return getattr(torchvision.models, name)()


def timm(name):
    import timm as models
    return models.create_model(name)


def superpoint(_):
    from make_superpoint import SuperPoint
    return SuperPoint(1.0)


class Features(nn.Module):
    """A vision transformer's class token and patch tokens, with the position embedding of 224 x 224 as a constant."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        side = 224 // net.patch
        position = net.position(side, side).detach()
        net.position = lambda h, w: position

    def forward(self, x):
        return self.net(x)[:2]


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


def build(name, x):
    make, theirs = NETWORKS[name][:2]
    torch.manual_seed(SEED)
    return condition(make(theirs), x)


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
