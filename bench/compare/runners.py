# SPDX-License-Identifier: MIT
"""The peers: how each is loaded and run. As a program: one of them on one network, which then runs as it is told.

    python3 runners.py PEER FOLDER THREADS      PEER: a key of RUNNERS; FOLDER: of export.py

Writes a JSON object when it has run four times; then, for each line "N WARM" on stdin, {wall_ns, cpu_ns}: lists of N runs
that come after WARM others. tinyvis's own part is bench_models --serve, which does the same.
"""
import json
import os
import sys
import time

import numpy as np


def load_torch(folder, threads, channels_last=False):
    import torch
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    import export
    yield
    module = export.Network(os.path.basename(folder), os.path.dirname(folder), None).module()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    module = module.to(memory_format=layout)
    x = torch.from_numpy((yield)).to(memory_format=layout)

    def run():
        with torch.inference_mode():
            y = module(x)
        return [t.numpy() for t in (y if isinstance(y, tuple) else (y,))]
    yield run


def load_torch_channels_last(folder, threads):
    return load_torch(folder, threads, True)


def load_onnxruntime(folder, threads, file="fp32.onnx"):
    import onnxruntime
    yield
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(os.path.join(folder, file), options, providers=["CPUExecutionProvider"])
    x = yield
    yield lambda: session.run(None, {"x": x})


def load_onnxruntime_int8(folder, threads):
    return load_onnxruntime(folder, threads, "int8.onnx")


def load_openvino(folder, threads, file="fp32.xml", precision="f32"):
    import openvino
    yield
    model = openvino.Core().compile_model(os.path.join(folder, file), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": precision})  # its default is bf16 where the processor has it
    request = model.create_infer_request()
    tensor = openvino.Tensor((yield), shared_memory=True)
    request.set_input_tensor(tensor)

    def run():
        request.infer()
        return [request.get_output_tensor(i).data for i in range(len(model.outputs))]
    yield run


def load_openvino_int8(folder, threads):
    return load_openvino(folder, threads, "int8.xml")


def load_openvino_bf16(folder, threads):
    return load_openvino(folder, threads, precision="bf16")


def load_ncnn(folder, threads):
    import ncnn
    yield
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage", "use_bf16_packed"):
        if hasattr(net.opt, option):
            setattr(net.opt, option, False)
    if net.load_param(os.path.join(folder, "fp32.ncnn.param")) or net.load_model(os.path.join(folder, "fp32.ncnn.bin")):
        raise RuntimeError("ncnn: the model cannot be loaded")
    outputs = net.output_names()
    x = ncnn.Mat((yield)[0])

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", x)
        return [np.array(extractor.extract(name)[1]) for name in outputs]
    yield run


def load_litert(folder, threads, file="fp32.tflite"):
    from ai_edge_litert.interpreter import Interpreter
    yield
    net = Interpreter(model_path=os.path.join(folder, file), num_threads=threads)
    net.allocate_tensors()
    port, outputs = net.get_input_details()[0], net.get_output_details()
    x = yield
    if list(port["shape"]) != list(x.shape):
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    if port["dtype"] != x.dtype:
        scale, zero = port["quantization"]
        limits = np.iinfo(port["dtype"])
        x = (x / scale + zero).round().clip(limits.min, limits.max).astype(port["dtype"])

    def number(y, port):
        scale, zero = port["quantization"]
        return (y.astype(np.float32) - zero) * scale if y.dtype.kind in "iu" else y

    def run():
        net.set_tensor(port["index"], x)
        net.invoke()
        return [number(net.get_tensor(d["index"]), d) for d in outputs]
    yield run


def load_litert_int8(folder, threads):
    return load_litert(folder, threads, "int8.tflite")


# A runner's generator stops three times: imported; loaded, when it wants the input; with a function that runs once.
# key: runner, name, type of the numbers, its file, the Python package
RUNNERS = {
    "torch": (load_torch, "PyTorch", "fp32", "torch.pt", "torch"),
    "torch_channels_last": (load_torch_channels_last, "PyTorch channels last", "fp32", "torch.pt", "torch"),
    "onnxruntime": (load_onnxruntime, "onnxruntime", "fp32", "fp32.onnx", "onnxruntime"),
    "openvino": (load_openvino, "OpenVINO", "fp32", "fp32.bin", "openvino"),
    "ncnn": (load_ncnn, "ncnn", "fp32", "fp32.ncnn.bin", "ncnn"),
    "litert": (load_litert, "LiteRT", "fp32", "fp32.tflite", "ai-edge-litert"),
    "openvino_bf16": (load_openvino_bf16, "OpenVINO", "bf16", "fp32.bin", "openvino"),
    "onnxruntime_int8": (load_onnxruntime_int8, "onnxruntime", "int8", "int8.onnx", "onnxruntime"),
    "openvino_int8": (load_openvino_int8, "OpenVINO", "int8", "int8.bin", "openvino"),
    "litert_int8": (load_litert_int8, "LiteRT", "int8", "int8.tflite", "ai-edge-litert"),
}


def memory_kb(key):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


def libraries():
    """Shared objects of this process: path -> bytes."""
    with open("/proc/self/maps") as f:
        paths = {line.split(None, 5)[5].strip() for line in f if ".so" in line}
    return {p: os.path.getsize(p) for p in paths if os.path.exists(p)}


def timed(run):
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    y = run()
    return y, (time.perf_counter_ns() - wall, time.process_time_ns() - cpu)


def error(want, got):
    """The largest relative error of the outputs, which are told apart by their sizes."""
    worst = 0.0
    for y in want:
        same = [g for g in got if g.size == y.size]
        worst = max([worst] + [float(np.linalg.norm(g.ravel() - y.ravel()) / np.linalg.norm(y)) for g in same[:1]])
    return worst


def main():
    peer, folder, threads = sys.argv[1], sys.argv[2].rstrip("/"), int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints is no answer
    reference = np.load(os.path.join(folder, "reference.npz"))
    x, want = reference["x"], [reference[k] for k in reference.files if k != "x"]
    before, bare = libraries(), memory_kb("VmRSS")
    stages = RUNNERS[peer][0](folder, threads)
    start = time.perf_counter()
    next(stages)
    imported = time.perf_counter()
    next(stages)
    run = stages.send(x)
    y = run()
    startup = time.perf_counter() - imported
    least = min(timed(run)[1][0] for _ in range(3))
    new = {p: n for p, n in libraries().items() if p not in before and "/numpy" not in p and "lib-dynload" not in p}
    print(json.dumps({"import_ms": (imported - start) * 1e3, "startup_ms": startup * 1e3, "est_ms": least * 1e-6,
                      "bare_kb": bare, "peak_rss_kb": memory_kb("VmHWM"), "library_bytes": sum(new.values()),
                      "error": error(want, y)}), file=answers, flush=True)
    for line in sys.stdin:
        n, warm = map(int, line.split())
        for _ in range(warm):
            run()
        times = [timed(run)[1] for _ in range(n)]
        print(json.dumps({"wall_ns": [w for w, _ in times], "cpu_ns": [c for _, c in times]}), file=answers, flush=True)
    os._exit(0)  # some peers' threads outlive their library


if __name__ == "__main__":
    main()
