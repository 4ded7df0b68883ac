# SPDX-License-Identifier: MIT
"""The weights of src/models/random_hosted.h in numpy, bit for bit, and a PyTorch module filled with them."""
import numpy as np
import torch

MASK = (1 << 64) - 1
# offset + slope * v; the slope of a weight follows from its fan-in
ROLES = {
    "weight": (0, None), "bn_weight": (1, 0.25), "bn_bias": (0, 0.2), "bn_mean": (0, 0.1), "bn_var": (1, 0.5),
    "bias": (0, 0.05), "input": (0, 2), "scale": (0.5, 0.4), "token": (0, 1),
}


def mix(x):
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


def fnv1a64(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h


def values(seed, name, role, shape):
    """float32 of this shape, in PyTorch's order of dimensions."""
    h = mix(np.array([seed + fnv1a64(name) & MASK], np.uint64))
    i = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    x = mix(h + i * np.uint64(0x9E3779B97F4A7C15))
    v = (x >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    offset, slope = ROLES[role]
    if slope is None:
        slope = np.sqrt(6.0 / np.prod(shape[1:]))
    return (np.float32(offset) + np.float32(slope) * v).reshape(shape)


def role_of(module, what):
    if isinstance(module, torch.nn.BatchNorm2d):
        return {"weight": "bn_weight", "bias": "bn_bias", "running_mean": "bn_mean", "running_var": "bn_var"}[what]
    return what


def fill(net, seed):
    """Every parameter and running statistic of the network, by its name in the state dict."""
    state = {}
    for path, module in net.named_modules():
        for what, t in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if what != "num_batches_tracked":
                name = f"{path}.{what}"
                state[name] = torch.from_numpy(values(seed, name, role_of(module, what), tuple(t.shape)))
    net.load_state_dict(state, strict=False)
    return net.eval()


def reference(net, x):
    """Outputs of the float64 model rounded to float32; largest difference of the float32 model from them; both arrays."""
    with torch.no_grad():
        single = net(torch.from_numpy(x)).numpy()
        double = net.double()(torch.from_numpy(x).double()).numpy()
    return double.astype(np.float32), float(np.abs(double - single).max())
