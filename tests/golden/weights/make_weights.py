# SPDX-License-Identifier: MIT
"""Small weight files for tests/test_weights*.c: python3 make_weights.py, in this folder.

NAME.pth is torch.save's zip form, NAME.legacy.pth its form before 1.6. NAME.txt has what any of them holds, a line a tensor:
name, dtype as tinyvis calls it, dimensions (or -), then the values as 32-bit floats in hexadecimal.
"""
import argparse
import collections
import io
import pickle
import struct
import zipfile

import numpy as np
import safetensors.torch
import torch

DTYPES = {
    torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.float64: "f64", torch.int8: "s8",
    torch.uint8: "u8", torch.int16: "s16", torch.int32: "s32", torch.int64: "s64", torch.bool: "bool",
}


def expect(name, tensors):
    with open(name + ".txt", "w") as f:
        for key, t in tensors.items():
            dims = "x".join(str(d) for d in t.shape) or "-"
            values = t.detach().to(torch.float32).reshape(-1).tolist()
            print(key, DTYPES[t.dtype], dims, *(float(v).hex() for v in values), file=f)


def save(name, value, **options):
    torch.save(value, name + ".pth", **options)
    torch.save(value, name + ".legacy.pth", _use_new_zipfile_serialization=False, **options)


def ramp(*shape, start=0.0):
    n = int(np.prod(shape))
    return (torch.arange(n, dtype=torch.float32) * 0.25 - 1.5 + start).reshape(shape)


def dtypes():
    t = collections.OrderedDict()
    for dtype, name in DTYPES.items():
        t["x." + name] = torch.tensor([[0, 1, 2], [3, 4, 117]]).to(dtype)
    t["big.s64"] = torch.tensor([2**40 + 1, -2**62, -1])
    t["big.s32"] = torch.tensor([2**31 - 1, -2**31], dtype=torch.int32)
    t["low.s8"] = torch.tensor([-128, -1, 127], dtype=torch.int8)
    t["low.s16"] = torch.tensor([-32768, -1, 32767], dtype=torch.int16)
    t["high.u8"] = torch.tensor([128, 255], dtype=torch.uint8)
    t["odd.f32"] = torch.tensor([float("inf"), float("-inf"), float("nan"), -0.0, 1e-42, 3.4e38])
    t["odd.f16"] = torch.tensor([float("inf"), float("-inf"), float("nan"), -0.0, 6e-8, -3e-5, 65504]).half()
    t["odd.bf16"] = torch.tensor([float("inf"), float("-inf"), -0.0, 1e-39, 3.3e38]).bfloat16()
    t["odd.f64"] = torch.tensor([1e300, -1e300, 0.1, 1e-50], dtype=torch.float64)
    expect("dtypes", t)
    save("dtypes", t)
    safetensors.torch.save_file(t, "dtypes.safetensors", metadata={"format": "pt", "note": "a \"quoted\" \u00e9"})


def strides():
    a, b = ramp(2, 3, 4, 2), ramp(8, 8)
    t = {
        "transposed": ramp(3, 5).t(),
        "permuted": a.permute(0, 3, 1, 2),
        "channels_last": ramp(1, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "stepped": b[1::2, 2::3],
        "expanded": ramp(3, 1).expand(3, 4),
        "expanded_front": ramp(4).expand(2, 3, 4),
        "offset": b[5, 3:],
        "row": b[2:3].t(),
        "diagonal": b.diagonal(),
    }
    expect("strides", t)
    save("strides", t)


def shared():
    flat = ramp(24)
    t = {"whole": flat, "half": flat[12:], "matrix": flat.view(4, 6), "again": flat, "first.bias": flat[:1],
         "other": ramp(3, start=50)}
    expect("shared", t)
    save("shared", t)


def shapes():
    t = {
        "bn.num_batches_tracked": torch.tensor(4711),
        "scalar": torch.tensor(-0.5),
        "none": torch.empty(0),
        "none_rows": torch.empty(0, 3),
        "none_columns": torch.empty(2, 0, 5, dtype=torch.int16),
        "one": ramp(1, 1, 1),
        "rank8": ramp(1, 2, 1, 2, 1, 2, 1, 2),
        "gr\u00f6\u00dfe.\u6a5f": ramp(2),
    }
    expect("shapes", t)
    save("shapes", t)
    safetensors.torch.save_file(t, "shapes.safetensors")


def checkpoint():
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2, bias=False), torch.nn.BatchNorm2d(2))
    with torch.no_grad():
        model[0].weight.copy_(ramp(2, 1, 2, 2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 1, 3, 3)).sum().backward()
    optimizer.step()
    state = model.state_dict()
    module = collections.OrderedDict(("module." + k, v) for k, v in state.items())
    args = argparse.Namespace(lr=0.1, milestones=[30, 60], device=torch.device("cpu"), dtype=torch.float16)
    whole = {
        "optimizer": optimizer.state_dict(), "epoch": 3, "arch": "net", "args": args, "best": np.float64(75.5),
        "history": np.arange(3), "seen": {1, 2}, "rate": 1 + 2j, "loss": torch.tensor(0.5), "state_dict": module,
    }
    expect("checkpoint", state)
    save("checkpoint", whole)


def teacher():
    t = {"backbone.cls_token": ramp(1, 1, 4), "backbone.norm.bias": ramp(4, start=9)}
    student = collections.OrderedDict(("module." + k, v + 100) for k, v in t.items())
    expect("teacher", t)
    save("teacher", {"student": student, "teacher": t, "epoch": 100, "dino_loss": {"center": ramp(1, 2)}})


def prefixes():
    t = {"a.weight": ramp(2), "module.b": ramp(3)}
    expect("prefix_all", t)
    save("prefix_all", {"model": {"module._orig_mod." + k: v for k, v in t.items()}})
    t = {"module.a": ramp(2), "b": ramp(3)}
    expect("prefix_some", t)
    save("prefix_some", {"net": t, "acc": torch.tensor(93.5)})


def parameters():
    marked = torch.nn.Parameter(ramp(3))
    marked.note = "kept as an attribute"
    t = {"w": torch.nn.Parameter(ramp(2, 2)), "frozen": torch.nn.Parameter(ramp(2), requires_grad=False),
         "marked": marked, "step": torch.tensor(7), "count": 12, "tag": "x", "nothing": None, "rate": 0.5, "flag": True,
         "large": 2**100, "list": [], "extra": collections.OrderedDict()}
    expect("parameters", {k: v for k, v in t.items() if isinstance(v, torch.Tensor)})
    save("parameters", t)


def protocols():
    t = collections.OrderedDict((("a", ramp(2, 2)), ("b.c", torch.tensor([70000, -70000]))))
    expect("protocols", t)
    for protocol in 1, 3, 4, 5:
        save("protocol%d" % protocol, {"model": t, "n": [1, -1, 300, 70000, 2**40, -2**70, (), (1,), True, 0.5, b"x"]},
             pickle_protocol=protocol)


def cuda():
    """As a machine with a GPU writes it."""
    t = {"w": ramp(2, 2), "h": ramp(3).half()}
    expect("cuda", t)
    location = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:0"
    save("cuda", t)
    torch.serialization.location_tag = location


def no_crc():
    t = {"w": ramp(2, 2), "b": torch.tensor([1, 2], dtype=torch.int16)}
    expect("nocrc", t)
    torch.serialization.set_crc32_options(False)
    torch.save(t, "nocrc.pth")
    torch.serialization.set_crc32_options(True)


MAGIC = 0x1950A86A20F9469CFC6C
INFO = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def legacy_head():
    return b"".join(pickle.dumps(x, 2) for x in (MAGIC, 1001, INFO))


def short(text):
    return b"U" + bytes([len(text)]) + text.encode()


def python2():
    """Python 2 writes byte strings and OrderedDict([[key, value], ...]); torch 0.3 knew storages that are parts of others."""
    def storage(view):
        return b"(" + short("storage") + b"ctorch.cuda\nFloatStorage\n" + short("77") + short("cuda:0") + b"K\x06" + view + b"tQ"

    def tensor(view, offset, size):
        return b"ctorch._utils\n_rebuild_tensor\n(" + storage(view) + b"K" + bytes([offset]) + b"K%c\x85K\x01\x85tR" % size

    pairs = [("conv1a.weight", tensor(b"N", 1, 3)), ("conv1a.bias", tensor(b"(" + short("78") + b"K\x02K\x04t", 1, 2))]
    value = b"\x80\x02ccollections\nOrderedDict\n](" + b"".join(b"](" + short(k) + v + b"e" for k, v in pairs) + b"e\x85R."
    keys = b"\x80\x02](" + short("77") + b"e."
    flat = ramp(6)
    expect("python2", {"conv1a.weight": flat[1:4], "conv1a.bias": flat[3:5]})
    with open("python2.legacy.pth", "wb") as f:
        f.write(legacy_head() + value + keys + struct.pack("<q", 6) + flat.numpy().tobytes())


def records(name):
    with zipfile.ZipFile(name) as z:
        return [(i.filename, z.read(i)) for i in z.infolist()]


def zip64():
    """Every size and offset in zip64 fields, an end record of its own, and another name for the folder."""
    t = {"w": ramp(2, 2), "b": ramp(3, start=7)}
    expect("zip64", t)
    torch.save(t, "zip64.pth")
    out, directory = io.BytesIO(), b""
    full = 0xFFFFFFFF
    for name, data in records("zip64.pth"):
        name = ("a folder/" + name.split("/", 1)[1]).encode()
        at, crc = out.tell(), zipfile.crc32(data)
        extra = struct.pack("<HHQQ", 1, 16, len(data), len(data))
        out.write(struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, full, full, len(name), len(extra)) + name + extra)
        out.write(data)
        extra = struct.pack("<HHB", 0x4242, 1, 7) + struct.pack("<HHQQQ", 1, 24, len(data), len(data), at)
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, crc, full, full, len(name), len(extra), 0, 0, 0,
                                 0, full) + name + extra
    at, count = out.tell(), len(records("zip64.pth"))
    end = at + len(directory)
    out.write(directory + struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), at))
    out.write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1) + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, full, full, 3))
    with open("zip64.pth", "wb") as f:
        f.write(out.getvalue() + b"end")


def rewrite(source, name, change, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(name, "w", method) as z:
        for record, data in records(source):
            z.writestr(zipfile.ZipInfo(record), change(record, data), method)


class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch executed",)


def refused():
    rewrite("zip64.pth", "deflated.pth", lambda record, data: data, zipfile.ZIP_DEFLATED)
    rewrite("zip64.pth", "big_endian.pth", lambda record, data: b"big" if record.endswith("byteorder") else data)
    rewrite("zip64.pth", "script.pth", lambda record, data: data)
    with zipfile.ZipFile("script.pth", "a") as z:
        z.writestr(zipfile.ZipInfo("a folder/constants.pkl"), b"\x80\x02).")
    torch.save(torch.nn.Linear(2, 1), "module.pth")
    save("evil", {"w": ramp(2), "x": Evil()})
    save("sparse", {"w": ramp(2), "s": torch.eye(2).to_sparse()})
    save("complex", {"w": ramp(2), "c": torch.tensor([1 + 2j])})
    save("unsigned", {"u": torch.tensor([1, 2], dtype=torch.uint16)})
    save("rank9", {"r": torch.ones([1] * 9)})
    save("list", [ramp(2), ramp(3)])


if __name__ == "__main__":
    torch.manual_seed(0)
    for make in (dtypes, strides, shared, shapes, checkpoint, teacher, prefixes, parameters, protocols, cuda, no_crc,
                 python2, zip64, refused):
        make()
