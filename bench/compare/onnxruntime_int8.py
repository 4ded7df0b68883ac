# SPDX-License-Identifier: MIT
"""Static int8 of onnxruntime and of tinyvis: how far the outputs are from fp32, in dB, with the same weights and pictures.

    python3 bench/compare/onnxruntime_int8.py --work /tmp/int8 [--models resnet18,superpoint] [--json OUT.json]

onnxruntime quantizes every operator it can (QDQ, weights int8 per channel, activations uint8), once with each of its ways
to take ranges; tinyvis as it does without options, or with each observer that --observers names. Both calibrate on the same arrays and are measured on others: 10 log10 of
the energy of the fp32 outputs over that of the differences, over all test pictures, the mean over a network's outputs.
Weights come from a seed (networks.py). Pictures are photographs of TINYVIS_DATA, or drawn without it. What the peer gives is kept
under --work. Needs torch, torchvision, timm, onnx, onnxscript, onnxruntime, safetensors and Pillow.
"""
import argparse
import contextlib
import io
import json
import logging
import os
import shutil
import statistics
import subprocess

import numpy as np
import torch

import networks

OBSERVERS = ["best"]  # its default, which tries them all
# onnxruntime's: method, more options
PEERS = {
    "minmax": ("MinMax", {}),
    "average": ("MinMax", {"CalibMovingAverage": True}),
    "percentile 99.999": ("Percentile", {"CalibPercentile": 99.999}),
    "percentile 99.99": ("Percentile", {"CalibPercentile": 99.99}),
    "entropy": ("Entropy", {}),
}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True, help="folder for models and arrays")
    p.add_argument("--models", default=",".join(n for n in networks.NETWORKS if "vitb" not in n))
    p.add_argument("--tool", default="build/native/tinyvis")
    p.add_argument("--data", default=os.environ.get("TINYVIS_DATA"), help="folder with imagenet_sample/")
    p.add_argument("--calibrate", type=int, default=16, help="pictures to calibrate with")
    p.add_argument("--test", type=int, default=16, help="other pictures to measure on")
    p.add_argument("--observers", default=",".join(OBSERVERS), help="of tinyvis")
    p.add_argument("--json", help="write the figures there too")
    return p.parse_args()


def snr_db(want, got):
    want, got = want.astype(np.float64), got.astype(np.float64)
    return 10 * np.log10(np.square(want).sum() / np.square(want - got).sum())


def onnx_session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # As written: fused kernels saturate sums of 16 bits on x86 without VNNI.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def onnx_outputs(path, x):
    session = onnx_session(path)
    each = [session.run(None, {"x": x[i:i + 1]}) for i in range(len(x))]
    return [np.concatenate(y) for y in zip(*each)]


def export(name, net, work, x):
    import safetensors.torch
    state = {n: t.contiguous() for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    safetensors.torch.save_file(state, os.path.join(work, "weights.safetensors"))
    module = networks.Features(net).eval() if networks.NETWORKS[name][0] is networks.vit else net
    first = torch.from_numpy(x[:1])
    with torch.no_grad():
        count = len(y) if isinstance(y := module(first), tuple) else 1
    torch.onnx.export(module, (first,), os.path.join(work, "fp32.onnx"), dynamo=True, opset_version=18, external_data=False,
                      input_names=["x"], output_names=[f"y{i}" for i in range(count)], verbose=False)


class Reader:
    """Hands the calibration pictures out a few at a time, so that their activations fit in memory."""

    def __init__(self, x):
        self.x, self.at, self.end = x, 0, len(x)

    def __len__(self):
        return len(self.x)

    def set_range(self, start_index, end_index):
        self.at, self.end = start_index, end_index

    def get_next(self):
        if self.at == self.end:
            return None
        self.at += 1
        return {"x": self.x[self.at - 1:self.at]}


def peer(work, calibrate, test):
    """dB of each output by onnxruntime's observer."""
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    CalibrationDataReader.register(Reader)
    plain, ready, made = (os.path.join(work, n) for n in ("fp32.onnx", "ready.onnx", "int8.onnx"))
    quant_pre_process(plain, ready, skip_symbolic_shape=True)
    want, result = onnx_outputs(plain, test), {}
    for observer, (method, options) in PEERS.items():
        more = dict(options, CalibStridedMinMax=4 if len(calibrate) % 4 == 0 else 1)
        with contextlib.redirect_stdout(io.StringIO()):
            quantize_static(ready, made, Reader(calibrate), quant_format=QuantFormat.QDQ, per_channel=True,
                            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                            calibrate_method=CalibrationMethod[method], extra_options=more)
        result[observer] = [float(snr_db(a, b)) for a, b in zip(want, onnx_outputs(made, test))]
        print(f"  onnxruntime {observer}: {result[observer]}", flush=True)
    return result


def arrays(folder, x):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for i in range(len(x)):
        np.save(os.path.join(folder, f"{i:03}.npy"), x[i:i + 1])


def tool(a, *words):
    done = subprocess.run([a.tool, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def check_weights(a, work, test):
    """The networks are the same in fp32."""
    out = os.path.join(work, "y.npy")
    tool(a, "run", f"{work}/fp32.tvis", f"{work}/test/000.npy", "-o", out)
    for i, want in enumerate(onnx_outputs(f"{work}/fp32.onnx", test[:1])):
        got = np.load(out if i == 0 else out[:-3] + f"{i}.npy").reshape(want.shape)
        assert np.abs(got - want).max() < 1e-4 * (want.max() - want.min()), f"{work}: output {i} differs in fp32"


def own(a, name, work, calibrate, test, outputs):
    arrays(f"{work}/calibrate", calibrate)
    arrays(f"{work}/test", test)
    tool(a, "convert", "-m", name, f"{work}/weights.safetensors", "-o", f"{work}/fp32.tvis")
    check_weights(a, work, test)
    result = {}
    for observer in a.observers.split(","):
        try:
            tool(a, "quantize", f"{work}/fp32.tvis", "-o", f"{work}/int8.tvis", "--mode", "int8", "--calibrate",
                 f"{work}/calibrate", "--observer", observer)
            answer = json.loads(tool(a, "compare", f"{work}/fp32.tvis", f"{work}/int8.tvis", "--images", f"{work}/test", "--json"))
            result[observer] = answer["snr_db"][:outputs]
        except RuntimeError as e:
            print(f"  tinyvis {observer}: {e}", flush=True)
            continue
        print(f"  tinyvis {observer}: {result[observer]}", flush=True)
    return result


def compare(a, name):
    work = os.path.join(a.work, f"{name}_{'photos' if a.data else 'drawn'}_{a.calibrate}_{a.test}")
    os.makedirs(work, exist_ok=True)
    calibrate, test = networks.pictures(name, a.data, a.calibrate, a.test)
    kept = os.path.join(work, "onnxruntime.json")
    if not os.path.exists(kept):
        export(name, networks.build(name, torch.from_numpy(calibrate)), work, calibrate)
        with open(kept + ".tmp", "w") as f:
            json.dump(peer(work, calibrate, test), f)
        os.rename(kept + ".tmp", kept)
    with open(kept) as f:
        theirs = json.load(f)
    return {"name": name, "onnxruntime": theirs, "tinyvis": own(a, name, work, calibrate, test, len(theirs["minmax"]))}


def best(figures):
    """The observer with the highest mean over the outputs."""
    observer = max(figures, key=lambda k: statistics.mean(figures[k]))
    return observer, statistics.mean(figures[observer])


def print_table(rows):
    print("| network | onnxruntime, best | tinyvis | |")
    print("|---|---|---|---|")
    gains = []
    for r in rows:
        theirs, db = best(r["onnxruntime"])
        if not r["tinyvis"]:
            print(f"| {r['name']} | {db:.2f} dB ({theirs}) | | |")
            continue
        ours, own_db = best(r["tinyvis"])
        gains.append(own_db - db)
        print(f"| {r['name']} | {db:.2f} dB ({theirs}) | {own_db:.2f} dB ({ours}) | {gains[-1]:+.2f} dB |")
    if gains:
        print(f"\nmedian {statistics.median(gains):+.2f} dB, least {min(gains):+.2f} dB")


def main():
    a = arguments()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    rows = []
    for name in a.models.split(","):
        print(name, flush=True)
        rows.append(compare(a, name))
        if a.json:
            with open(a.json, "w") as f:
                json.dump(rows, f, indent=1)
    print_table(rows)


if __name__ == "__main__":
    main()
