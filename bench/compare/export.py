# SPDX-License-Identifier: MIT
"""A network as a file for each peer, all with the same weights.

    python3 bench/compare/export.py --work DIR [--models a,b] [--steps torch,tinyvis,...]

Weights come from a seed and are well conditioned (networks.py), so that activations look like a trained network's.
int8 is each one's own: static, weights per channel, calibrated on the same drawn pictures. DIR/NAME/ then holds
what the STEPS below write; a step is left out when its files are there. peers.py calls this by itself.
"""
import argparse
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import traceback

import numpy as np

import networks

# name: tinyvis's architecture, classes (0: as it is), channels, height, width
CASES = {
    "mobilenet_v2": ("mobilenet_v2", 0, 3, 224, 224),
    "mobilenet_v3_small": ("mobilenet_v3_small", 0, 3, 224, 224),
    "mobilenet_v3_large": ("mobilenet_v3_large", 0, 3, 224, 224),
    "mobilenet_v4_conv_small": ("mobilenet_v4_conv_small", 0, 3, 224, 224),
    "efficientnet_b0": ("efficientnet_b0", 0, 3, 224, 224),
    "resnet18": ("resnet18", 0, 3, 224, 224),
    "resnet18_64": ("resnet18", 2, 3, 64, 64),
    "resnet50": ("resnet50", 0, 3, 224, 224),
    "superpoint": ("superpoint", 0, 1, 240, 320),
    "superpoint_480": ("superpoint", 0, 1, 480, 640),
    "dino_vits16": ("dino_vits16", 0, 3, 224, 224),
    "dinov2_vits14": ("dinov2_vits14", 0, 3, 224, 224),
    "dinov2_vits14_518": ("dinov2_vits14", 0, 3, 518, 518),
    "dinov2_vitb14": ("dinov2_vitb14", 0, 3, 224, 224),
    "dinov2_vitb14_518": ("dinov2_vitb14", 0, 3, 518, 518),
}
CALIBRATION = 4  # pictures


class Network:
    """A case with its folder; the module is made when a step needs it."""

    def __init__(self, name, work, tool):
        self.name, self.tool = name, tool
        self.arch, self.classes, *self.shape = CASES[name]
        self.folder = os.path.join(os.path.abspath(work), name)
        self.vit = networks.NETWORKS[self.arch][0] is networks.vit
        os.makedirs(self.folder, exist_ok=True)

    def path(self, file):
        return os.path.join(self.folder, file)

    def pictures(self, count, seed):
        return networks.drawn(count, seed, *self.shape)

    def module(self, attention="fused"):
        """With the weights of step torch. attention: fused, or mha for a converter that knows torch's own module only."""
        import torch
        net = networks.structure(self.arch, self.classes)
        net.load_state_dict(torch.load(self.path("torch.pt"), weights_only=True))
        net.eval()
        return networks.Features(net, self.shape[1:], attention).eval() if self.vit else net


def step_torch(n):
    """torch.pt, weights.safetensors, reference.npz, facts.json"""
    import safetensors.torch
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    net = networks.build(n.arch, torch.from_numpy(n.pictures(2, 3)), n.classes)
    state = {k: t.contiguous() for k, t in net.state_dict().items()}
    torch.save(state, n.path("torch.pt"))
    safetensors.torch.save_file({k: t for k, t in state.items() if not k.endswith("num_batches_tracked")},
                                n.path("weights.safetensors"))
    module, x = n.module(), torch.from_numpy(n.pictures(1, 2))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        y = module(x)
    ys = [t.numpy() for t in (y if isinstance(y, tuple) else (y,))]
    assert all(np.isfinite(t).all() and t.std() > 1e-6 for t in ys), "outputs without meaning"
    np.savez(n.path("reference.npz"), x=x.numpy(), **{f"y{i}": t for i, t in enumerate(ys)})
    with open(n.path("facts.json"), "w") as f:
        json.dump({"macs": counter.get_total_flops() // 2, "params": sum(t.numel() for t in net.parameters())}, f)


def step_tinyvis(n):
    """fp32.tvis"""
    run(n.tool, "convert", "-m", n.arch, n.path("weights.safetensors"), "--size", f"{n.shape[1]}x{n.shape[2]}",
        "-o", n.path("fp32.tvis"))
    check(n, "fp32.tvis", 1e-4)


def step_tinyvis_int8(n):
    """int8.tvis"""
    folder = n.path("calibrate")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for i, x in enumerate(n.pictures(CALIBRATION, 1)):
        np.save(os.path.join(folder, f"{i:03}.npy"), x[None])
    run(n.tool, "quantize", n.path("fp32.tvis"), "--mode", "int8", "--calibrate", folder, "--observer", "minmax",
        "--equalize", "off", "-o", n.path("int8.tvis"))
    shutil.rmtree(folder)
    check(n, "int8.tvis", 0.7)


def check(n, file, most):
    """tinyvis computes what PyTorch computes; errors are of the root mean square."""
    reference = np.load(n.path("reference.npz"))
    np.save(n.path("x.npy"), reference["x"])
    run(n.tool, "run", n.path(file), n.path("x.npy"), "-o", n.path("y.npy"))
    for i in range(len(reference.files) - 1):
        want = reference[f"y{i}"]
        got = np.load(n.path(f"y.{i}.npy" if i else "y.npy")).reshape(want.shape)
        error = float(np.linalg.norm(got - want) / np.linalg.norm(want))
        assert error < most, f"{file}: output {i} is off by {error:.2g}"


def step_onnx(n):
    """fp32.onnx"""
    import torch
    x = torch.from_numpy(n.pictures(1, 2))
    outputs = [k for k in np.load(n.path("reference.npz")).files if k != "x"]
    torch.onnx.export(n.module(), (x,), n.path("fp32.onnx"), dynamo=True, opset_version=18, external_data=False,
                      input_names=["x"], output_names=outputs, verbose=False)


def step_onnx_int8(n):
    """int8.onnx"""
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    pictures = iter([{"x": x[None]} for x in n.pictures(CALIBRATION, 1)])

    class Reader(CalibrationDataReader):
        def get_next(self):
            return next(pictures, None)

    quant_pre_process(n.path("fp32.onnx"), n.path("ready.onnx"), skip_symbolic_shape=True)
    quantize_static(n.path("ready.onnx"), n.path("int8.onnx"), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    calibrate_method=CalibrationMethod.MinMax)
    os.unlink(n.path("ready.onnx"))


def step_openvino(n):
    """fp32.xml, fp32.bin"""
    import openvino
    openvino.save_model(openvino.convert_model(n.path("fp32.onnx")), n.path("fp32.xml"), compress_to_fp16=False)


def step_openvino_int8(n):
    """int8.xml, int8.bin"""
    import nncf
    import openvino
    options = {"model_type": nncf.ModelType.TRANSFORMER} if n.vit else {}
    data = nncf.Dataset([x[None] for x in n.pictures(CALIBRATION, 1)])
    model = nncf.quantize(openvino.Core().read_model(n.path("fp32.xml")), data, subset_size=CALIBRATION, **options)
    openvino.save_model(model, n.path("int8.xml"), compress_to_fp16=False)


def step_ncnn(n):
    """fp32.ncnn.param, fp32.ncnn.bin"""
    import pnnx
    import torch
    folder, here = n.path("pnnx"), os.getcwd()
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    try:
        pnnx.export(n.module("mha"), os.path.join(folder, "fp32.pt"), (torch.from_numpy(n.pictures(1, 2)),), fp16=False,
                    check_trace=False)
        for file in ("fp32.ncnn.param", "fp32.ncnn.bin"):
            os.replace(file, n.path(file))
    finally:
        os.chdir(here)
        shutil.rmtree(folder)


def step_litert(n):
    """fp32.tflite"""
    import litert_torch
    import torch
    litert_torch.convert(n.module(), (torch.from_numpy(n.pictures(1, 2)),)).export(n.path("fp32.tflite"))


def step_litert_int8(n):
    """int8.tflite"""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe
    q = quantizer.Quantizer(n.path("fp32.tflite"), recipe.static_wi8_ai8())
    signature, ports = next(iter(Interpreter(model_path=n.path("fp32.tflite")).get_signature_list().items()))
    ranges = q.calibrate({signature: [{ports["inputs"][0]: x[None]} for x in n.pictures(CALIBRATION, 1)]})
    q.quantize(ranges).export_model(n.path("int8.tflite"), overwrite=True)


# a step: what it writes last
STEPS = {"torch": "facts.json", "tinyvis": "fp32.tvis", "tinyvis_int8": "int8.tvis", "onnx": "fp32.onnx",
         "onnx_int8": "int8.onnx", "openvino": "fp32.bin", "openvino_int8": "int8.bin", "ncnn": "fp32.ncnn.bin",
         "litert": "fp32.tflite", "litert_int8": "int8.tflite"}


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


@contextlib.contextmanager
def told_to(path):
    """What this process and those that it starts print goes to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(path, "w") as f:
        os.dup2(f.fileno(), 1)
        os.dup2(f.fileno(), 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(kept, 1):
            os.dup2(copy, number)
            os.close(copy)


def export(network, steps):
    """Runs those steps whose files are missing. A peer that cannot take the network is told and left out."""
    for step in steps:
        if os.path.exists(network.path(STEPS[step])):
            continue
        start, log = time.monotonic(), network.path(step + ".log")
        try:
            with told_to(log):
                globals()["step_" + step](network)
            os.unlink(log)
            outcome = "ok"
        except Exception as e:  # of whatever kind the peer has
            if step in ("torch", "tinyvis"):
                raise
            outcome = f"left out: {type(e).__name__}: {str(e)[:200]}"
            with open(log, "a") as f:
                f.write(traceback.format_exc())
        print(f"{network.name} {step}: {outcome} ({time.monotonic() - start:.0f} s)", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True)
    p.add_argument("--models", default=",".join(CASES))
    p.add_argument("--steps", default=",".join(STEPS))
    p.add_argument("--tool", default="build/native/tinyvis")
    a = p.parse_args()
    logging.disable(logging.WARNING)
    for name in a.models.split(","):
        export(Network(name, a.work, a.tool), a.steps.split(","))


if __name__ == "__main__":
    sys.exit(main())
