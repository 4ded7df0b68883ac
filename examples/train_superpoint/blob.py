# SPDX-License-Identifier: MIT
"""Weights out of a .tvis (docs/blob.md): of those that `tinyvis convert` wrote, in floats or halves."""
import struct

import numpy as np

TYPES = {0: np.float32, 1: np.float16}


def weights(path):
    """Names to fp32 arrays, those of convolutions as PyTorch has them: (out, in, height, width); biases (n)."""
    data = path.read_bytes()
    if data[:4] != b"TVIS":
        raise SystemExit(f"{path}: is no .tvis")
    tensors, strings = struct.unpack_from("<I8xI", data, 20)
    count, first = struct.unpack_from("<H2xH", data, 44)
    out = {}
    for at in range(tensors + 48 * first, tensors + 48 * count, 48):
        name, kind, _, pack = struct.unpack_from("<IBBH", data, at)
        dims, offset = struct.unpack_from("<4i", data, at + 8), struct.unpack_from("<I", data, at + 24)[0]
        name = data[strings + name:data.index(b"\0", strings + name)].decode()
        if kind not in TYPES or pack:
            raise SystemExit(f"{path}: {name} is neither plain floats nor halves")
        x = np.frombuffer(data, TYPES[kind], int(np.prod(dims)), offset).astype(np.float32).reshape(dims)
        out[name] = x.transpose(0, 3, 1, 2).copy() if dims[0] * dims[1] * dims[2] > 1 else x.reshape(-1)
    return out
