# SPDX-License-Identifier: MIT
"""Writes convnets/: names, shapes and batch norm scales of convolutional networks, and their logits with seeded weights.

    python3 make_convnets.py [CASE...]    needs torch, torchvision and timm; made with 2.13, 0.28 and 1.0, on a CPU
"""
import os
import sys

import numpy as np
import torch

import seeded

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 5
CLASSES = 100
# Batch norm is measured with the first
SIZES = [(224, 224), (256, 256), (160, 160), (160, 224), (64, 64)]
SMALL = [(32, 32), (48, 32)]


class Cifar(torch.nn.Module):
    """ResNet-20 of He et al. 2016, section 4.2, with shortcuts of option A and the names of akamaster's code."""

    class Block(torch.nn.Module):
        def __init__(self, width, out, stride):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(width, out, 3, stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(out)
            self.conv2 = torch.nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(out)

        def forward(self, x):
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            more = self.conv2.out_channels - self.conv1.in_channels
            if more:
                x = torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more // 2))
            return torch.relu(y + x)

    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        widths = [16, 16, 32, 64]
        for i in (1, 2, 3):
            blocks = [self.Block(widths[i - 1] if k == 0 else widths[i], widths[i], 2 if i > 1 and k == 0 else 1) for k in range(3)]
            setattr(self, f"layer{i}", torch.nn.Sequential(*blocks))
        self.linear = torch.nn.Linear(64, num_classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def torchvision(name):
    def network(classes):
        import torchvision.models as models
        return getattr(models, name)(num_classes=classes)
    return network


def timm(name):
    def network(classes):
        import timm as models
        return models.create_model(name, num_classes=classes)
    return network


def mobilenet_v1(width, channels):
    def network(classes):
        from timm.models.efficientnet import _gen_mobilenet_v1
        return _gen_mobilenet_v1("mobilenetv1_100", width, in_chans=channels, num_classes=classes)
    return network


# file: architecture of the tool, 1 for TensorFlow's padding, network, sizes, classes, width if it is not 1
CASES = {
    "mobilenet_v1.timm": ("mobilenet_v1", 0, timm("mobilenetv1_100"), SIZES, CLASSES),
    "mobilenet_v1.gray": ("mobilenet_v1", 0, mobilenet_v1(0.25, 1), [(96, 96), (32, 64)], 2, 0.25),
    "mobilenet_v2.timm": ("mobilenet_v2", 0, timm("mobilenetv2_100"), SIZES, CLASSES),
    "mobilenet_v3_small": ("mobilenet_v3_small", 0, torchvision("mobilenet_v3_small"), SIZES, CLASSES),
    "mobilenet_v3_small.timm": ("mobilenet_v3_small", 0, timm("mobilenetv3_small_100"), SIZES, CLASSES),
    "mobilenet_v3_small.tf": ("mobilenet_v3_small", 1, timm("tf_mobilenetv3_small_100"), SIZES + [(97, 129)], CLASSES),
    "mobilenet_v3_large": ("mobilenet_v3_large", 0, torchvision("mobilenet_v3_large"), SIZES, CLASSES),
    "mobilenet_v3_large.timm": ("mobilenet_v3_large", 0, timm("mobilenetv3_large_100"), SIZES, CLASSES),
    "mobilenet_v3_large.tf": ("mobilenet_v3_large", 1, timm("tf_mobilenetv3_large_100"), SIZES, CLASSES),
    "mobilenet_v4_conv_small.timm": ("mobilenet_v4_conv_small", 0, timm("mobilenetv4_conv_small"), SIZES, CLASSES),
    "mobilenet_v4_conv_medium.timm": ("mobilenet_v4_conv_medium", 0, timm("mobilenetv4_conv_medium"), SIZES, CLASSES),
    "efficientnet_b0": ("efficientnet_b0", 0, torchvision("efficientnet_b0"), SIZES, CLASSES),
    "efficientnet_b0.timm": ("efficientnet_b0", 0, timm("efficientnet_b0"), SIZES, CLASSES),
    "efficientnet_b0.tf": ("efficientnet_b0", 1, timm("tf_efficientnet_b0"), SIZES, CLASSES),
    "efficientnet_b1": ("efficientnet_b1", 0, torchvision("efficientnet_b1"), SIZES, CLASSES),
    "efficientnet_b2.timm": ("efficientnet_b2", 0, timm("efficientnet_b2"), SIZES, CLASSES),
    "efficientnet_b3": ("efficientnet_b3", 0, torchvision("efficientnet_b3"), SIZES, CLASSES),
    "efficientnet_b4.timm": ("efficientnet_b4", 0, timm("efficientnet_b4"), SIZES, CLASSES),
    "resnet18": ("resnet18", 0, torchvision("resnet18"), SIZES, CLASSES),
    "resnet18.two": ("resnet18", 0, timm("resnet18"), [(64, 64)], 2),
    "resnet34": ("resnet34", 0, torchvision("resnet34"), SIZES, CLASSES),
    "resnet50": ("resnet50", 0, torchvision("resnet50"), SIZES, CLASSES),
    "resnet20_cifar10": ("resnet20_cifar10", 0, Cifar, SMALL, CLASSES),
}


def calibrate(net, x):
    """The mean square of what each batch norm is given, in the order in which they run; its statistics are scaled by it."""
    scales = {}

    def measure(module, inputs, path):
        s = np.float32(inputs[0].double().square().mean().item())
        scales[path] = s
        module.running_var *= s
        module.running_mean *= np.sqrt(s)

    hooks = [m.register_forward_pre_hook(lambda m, i, p=p: measure(m, i, p)) for p, m in net.named_modules()
             if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        net(torch.from_numpy(x))
    for hook in hooks:
        hook.remove()
    return scales


def layers(net, scales):
    """A line a layer: its kind, name, shape of the weight, scale."""
    for path, m in net.named_modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            yield f"norm {path} {m.num_features} {scales[path]:.9g}"
        elif isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)):
            kind = "linear" if isinstance(m, torch.nn.Linear) else "conv" if m.bias is None else "biased"
            yield f"{kind} {path} " + " ".join(map(str, m.weight.shape))
        else:
            assert not list(m.parameters(recurse=False)) and not list(m.buffers(recurse=False)), path


def make(file, arch, same, network, sizes, classes, width=1.0):
    net = seeded.fill(network(classes), SEED)
    planes = next(net.parameters()).shape[1]
    scales = calibrate(net, seeded.values(SEED, "input", "input", (1, planes, *sizes[0])))
    lines, logits = [*layers(net, scales)], []
    head = [f"seed {SEED} arch {arch} same {same} classes {classes} sizes {len(sizes)} layers {len(lines)} width {width:g}"]
    for h, w in sizes:
        y, gap = seeded.reference(net.float(), seeded.values(SEED, "input", "input", (1, planes, h, w)))
        spread = float(y.max() - y.min())
        deviation = float(y.std()) / spread
        assert deviation > 0.1, "nearly constant logits would hide errors"
        head.append(f"{h} {w} {gap / spread:.2e} {deviation:.3f}")
        logits.append(y.reshape(-1))
        print(file, head[-1], f"mean {y.mean():.3f} range {spread:.3f}", flush=True)
    np.save(os.path.join(HERE, "convnets", file + ".npy"), np.concatenate(logits))
    with open(os.path.join(HERE, "convnets", file + ".txt"), "w") as f:
        print(*head, *lines, sep="\n", file=f)


def main():
    os.makedirs(os.path.join(HERE, "convnets"), exist_ok=True)
    for file in sys.argv[1:] or CASES:
        make(file, *CASES[file])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
