# SPDX-License-Identifier: MIT
"""PyTorch eager and bench_models on the same network, one thread each, in turns on one core.

    python3 bench/compare/torch_eager.py --weights mobilenet_v2.pth --model mobilenet_v2.tvis

A turn is one call of bench_models or as many runs of PyTorch; the order of the turns rotates. A turn in which other
programs had the core too is taken again, --tries times at most. What is printed is the median over the turns of each turn's
median, the shortest run of all, and the largest share of the core that others had. Needs torch and torchvision.
"""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import time

import torch
import torchvision


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", required=True, help=".pth or .safetensors with torchvision's names")
    p.add_argument("--model", required=True, help="the same weights as a .tvis file")
    p.add_argument("--arch", default="mobilenet_v2", help="of torchvision.models")
    p.add_argument("--bench", default="build/native/bench/bench_models")
    p.add_argument("--cpu", type=int, default=0, help="core that both are tied to")
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--turns", type=int, default=15)
    p.add_argument("--runs", type=int, default=20, help="runs in a turn")
    p.add_argument("--tries", type=int, default=10)
    p.add_argument("--json", action="store_true")
    return p.parse_args()


def network(a):
    if a.weights.endswith(".safetensors"):
        import safetensors.torch
        state = safetensors.torch.load_file(a.weights)
    else:
        state = torch.load(a.weights, map_location="cpu", weights_only=True)
    net = getattr(torchvision.models, a.arch)()
    net.load_state_dict(state, strict=False)
    return net.eval()


def torch_turn(net, memory_format, a):
    x = torch.randn(a.batch, 3, a.size, a.size).to(memory_format=memory_format)
    ms = []
    with torch.inference_mode():
        net(x)
        for _ in range(a.runs):
            start = time.perf_counter()
            net(x)
            ms.append((time.perf_counter() - start) * 1e3)
    return statistics.median(ms), min(ms)


def tinyvis_turn(a, *options):
    command = [a.bench, a.model, "--json", "--runs", str(a.runs), "--batch", str(a.batch), "--size", str(a.size), *options]
    r = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)[0]
    return r["p50_ms"], r["min_ms"]


def core_seconds(cpu):
    """What a core has worked since the system started, time that a virtual machine was refused included."""
    if os.path.exists("/proc/stat"):
        with open("/proc/stat") as f:
            for line in f:
                name, *ticks = line.split()
                if name == f"cpu{cpu}":
                    ticks = [int(t) for t in ticks]
                    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def own_seconds():
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def quiet(side, a):
    """The least disturbed of some turns, and the share of the core that other programs had."""
    best = None
    for _ in range(a.tries):
        core, own, start = core_seconds(a.cpu), own_seconds(), time.monotonic()
        result = side()
        wall = time.monotonic() - start
        others = max(0.0, core_seconds(a.cpu) - core - (own_seconds() - own)) / wall
        if best is None or others < best[1]:
            best = result, others
        if others * wall < 0.01 + 0.02 * wall:  # a tick of the system's clock
            break
    return best


def processor():
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    a = arguments()
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {a.cpu})
    plain, last = network(a), network(a).to(memory_format=torch.channels_last)
    sides = {
        "tinyvis": lambda: tinyvis_turn(a),
        "tinyvis, not packed": lambda: tinyvis_turn(a, "--no-pack"),
        "tinyvis, plan small": lambda: tinyvis_turn(a, "--plan", "small"),
        "PyTorch eager": lambda: torch_turn(plain, torch.contiguous_format, a),
        "PyTorch eager, channels last": lambda: torch_turn(last, torch.channels_last, a),
    }
    names, seen = list(sides), {name: [] for name in sides}
    for turn in range(a.turns + 1):
        for i in range(len(names)):
            name = names[(turn + i) % len(names)]
            if turn:
                seen[name].append(quiet(sides[name], a))
            else:
                sides[name]()
    rows = [{"name": n, "p50_ms": statistics.median(r[0] for r, _ in v), "min_ms": min(r[1] for r, _ in v),
             "others": max(o for _, o in v)} for n, v in seen.items()]
    if a.json:
        print(json.dumps({"cpu": processor(), "torch": torch.__version__, "batch": a.batch, "size": a.size, "rows": rows}))
        return
    print(f"{processor()}, PyTorch {torch.__version__}, {a.arch} at {a.size}x{a.size}, batch {a.batch}, one thread")
    for r in rows:
        print(f"{r['name']:30s} median {r['p50_ms']:8.2f} ms   shortest {r['min_ms']:8.2f} ms   others {100 * r['others']:.0f} %")


if __name__ == "__main__":
    main()
