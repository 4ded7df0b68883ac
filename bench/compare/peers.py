# SPDX-License-Identifier: MIT
"""tinyvis and the peers that are installed on the same networks: time, memory, start-up, size of the library.

    python3 bench/compare/peers.py --work DIR                 all networks; run again, it goes on where it was
    python3 bench/compare/peers.py --work DIR --quick         a few networks, one second a peer
    python3 bench/compare/peers.py --work DIR --report        only writes the report again
    python3 bench/compare/peers.py --work DIR --report --docs also into README.md and docs/benchmarks.md

Networks are exported to every format first (export.py, same weights). All peers of a network stay in memory, a process
each, tied to one core, and run in turns of which the order rotates. In a turn in which the process had the core for less than
97 % of the time other programs were running: it is taken again, --tries times at most, and the best one counts. Each run's
CPU time is kept as well: on a busy machine it and the shortest run are what to look at. DIR/results/ keeps a file a network,
DIR/peers.md, peers.json, peers.svg are the report. Needs torch, torchvision, timm, safetensors and of the peers what shall be
compared: onnx, onnxscript and onnxruntime; openvino and nncf; ncnn and pnnx; ai-edge-litert (export: litert-torch).
"""
import argparse
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time

import export
import report
from runners import RUNNERS

HERE = os.path.dirname(os.path.abspath(__file__))
QUICK = "mobilenet_v2,mobilenet_v3_small,resnet18_64"
# ours: type of the numbers, file, options of bench_models; those with a plan are not timed
OWN = {
    "tinyvis": ("fp32", "fp32.tvis", []),
    "tinyvis_int8": ("int8", "int8.tvis", []),
    "tinyvis_bf16": ("bf16", "fp32.tvis", ["--bf16"]),
    "tinyvis_small": ("fp32", "fp32.tvis", ["--plan", "small"]),
    "tinyvis_int8_small": ("int8", "int8.tvis", ["--plan", "small"]),
}
QUIET = 0.97  # share of the core


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", required=True)
    p.add_argument("--models", help="of export.py, by commas")
    p.add_argument("--peers", default=",".join([*OWN, *RUNNERS]))
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--cpu", type=int, default=os.cpu_count() - 1, help="the core; with more threads that one and those below it")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--seconds", type=float, default=4, help="timed runs of each peer, together")
    p.add_argument("--tries", type=int, default=5)
    p.add_argument("--own-cpu", default="", help="--cpu of bench_models: tinyvis's kernels of a smaller processor")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--again", action="store_true", help="measure what has a result, too")
    p.add_argument("--no-export", action="store_true", help="use the files that are there")
    p.add_argument("--report", action="store_true")
    p.add_argument("--docs", action="store_true")
    p.add_argument("--build", default="build/native")
    a = p.parse_args()
    if a.quick:
        a.seconds, a.rounds, a.tries = min(a.seconds, 1), min(a.rounds, 5), min(a.tries, 2)
    a.models = (a.models or (QUICK if a.quick else ",".join(export.CASES))).split(",")
    a.peers = a.peers.split(",")
    return a


def steps(peers):
    """Those of export.py that peers need."""
    want = ["torch"]
    for peer in peers:
        name = peer.removesuffix("_small").replace("onnxruntime", "onnx").replace("_bf16", "")
        if name.startswith("openvino"):
            want += ["onnx", "openvino"]
        elif name.endswith("_int8"):
            want += [name.removesuffix("_int8")]
        want += [name]
    return [s for s in export.STEPS if s in want]


class Program:
    """A peer with a network in memory."""

    def __init__(self, a, peer, folder):
        cores = ",".join(str(a.cpu - i) for i in range(a.threads))
        if peer in OWN:
            command = [f"{a.build}/bench/bench_models", os.path.join(folder, OWN[peer][1]), "--serve", "--threads",
                       str(a.threads), *OWN[peer][2], *(["--cpu", a.own_cpu] if a.own_cpu else [])]
        else:
            command = [sys.executable, os.path.join(HERE, "runners.py"), peer, folder, str(a.threads)]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(["taskset", "-c", cores, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=dict(os.environ, OMP_NUM_THREADS=str(a.threads)))

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.log.seek(0)
        raise RuntimeError((self.log.read().strip().splitlines() or ["ended"])[-1][:200])

    def turn(self, runs, warm):
        self.process.stdin.write(f"{runs} {warm}\n")
        self.process.stdin.flush()
        return self.read()

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def cached(path):
    with open(path, "rb") as f:
        while f.read(1 << 24):
            pass


def share(turn, threads):
    """Of the core, that the process had; with several threads it waits for itself, which says nothing."""
    return 1.0 if threads > 1 else min(1.0, sum(turn["cpu_ns"]) / sum(turn["wall_ns"]))


def quiet_turn(a, program, runs, warm):
    best = None
    for _ in range(a.tries):
        turn = program.turn(runs, warm)
        if best is None or share(turn, a.threads) > share(best, a.threads):
            best = turn
        if share(best, a.threads) >= QUIET:
            break
    return best


def percentile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def figures(turns, threads):
    wall = [t * 1e-6 for turn in turns for t in turn["wall_ns"]]
    cpu = [t * 1e-6 for turn in turns for t in turn["cpu_ns"]]
    return {"runs": len(wall), "p50_ms": percentile(wall, 0.5), "p95_ms": percentile(wall, 0.95), "min_ms": min(wall),
            "cpu_p50_ms": percentile(cpu, 0.5), "cpu_min_ms": min(cpu), "core_share": min(share(t, threads) for t in turns)}


def start_all(a, name, folder):
    """Programs by peer, and what each told about its start."""
    programs, rows = {}, {}
    for peer in a.peers:
        file = os.path.join(folder, OWN[peer][1] if peer in OWN else RUNNERS[peer][3])
        if not os.path.exists(file):
            continue
        cached(file)
        program = Program(a, peer, folder)
        try:
            rows[peer] = program.read()
            programs[peer] = program
        except RuntimeError as e:
            print(f"{name}: {peer} left out: {e}", flush=True)
            program.end()
    return programs, rows


def take_turns(a, programs, rows):
    turns = {peer: [] for peer in programs if not peer.endswith("_small")}
    order = list(turns)
    for r in range(a.rounds):
        for i in range(len(order)):
            peer = order[(i + r) % len(order)]
            ms = rows[peer]["est_ms"]
            runs = max(1, min(1000, round(a.seconds * 1e3 / a.rounds / ms)))
            turns[peer].append(quiet_turn(a, programs[peer], runs, 1 if ms > 200 else 3))
    for peer, seen in turns.items():
        rows[peer].update(figures(seen, a.threads))


def measure(a, name):
    folder = os.path.join(os.path.abspath(a.work), name)
    programs, rows = start_all(a, name, folder)
    try:
        take_turns(a, programs, rows)
    finally:
        for program in programs.values():
            program.end()
    with open(os.path.join(folder, "facts.json")) as f:
        facts = json.load(f)
    return {"name": name, "threads": a.threads, "own_cpu": a.own_cpu, "quick": a.quick, "date": time.strftime("%Y-%m-%d"),
            **facts, "peers": rows}


def processor():
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as f:
            found = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in f if ":" in line}
        return f"{found.get('model name', platform.machine())} (family {found.get('cpu family')}, model {found.get('model')})"
    return platform.processor()


def versions():
    found = {}
    for _, name, _, _, package in RUNNERS.values():
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def own_bytes(a):
    """Of the program that ran, everything linked in, without symbols."""
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run(["strip", "-o", f.name, f"{a.build}/bench/bench_models"], check=True)
        return os.path.getsize(f.name)


def write(path, text):
    with open(path + ".tmp", "w") as f:
        f.write(text)
    os.replace(path + ".tmp", path)


def result_path(a, name):
    kind = f"{a.threads}" + (f"_{a.own_cpu}" if a.own_cpu else "") + ("_quick" if a.quick else "")
    return os.path.join(a.work, "results", f"{name}.{kind}.json")


def main():
    a = arguments()
    logging.disable(logging.WARNING)
    os.makedirs(os.path.join(a.work, "results"), exist_ok=True)
    if hasattr(os, "sched_setaffinity") and a.threads < os.cpu_count():
        os.sched_setaffinity(0, set(range(os.cpu_count())) - {a.cpu - i for i in range(a.threads)})
    for name in [] if a.report else a.models:
        if os.path.exists(result_path(a, name)) and not a.again:
            continue
        if not a.no_export:
            export.export(export.Network(name, a.work, f"{a.build}/tinyvis"), steps(a.peers))
        result = measure(a, name)
        write(result_path(a, name), json.dumps(result, indent=1))
        report.say(result)
    rows = []
    for name in a.models:
        if os.path.exists(result_path(a, name)):
            with open(result_path(a, name)) as f:
                rows.append(json.load(f))
    about = {"cpu": processor(), "versions": versions(), "own_bytes": own_bytes(a), "threads": a.threads, "rows": rows}
    write(os.path.join(a.work, "peers.json"), json.dumps(about, indent=1))
    write(os.path.join(a.work, "peers.md"), report.markdown(about))
    write(os.path.join(a.work, "peers.svg"), report.svg(about))
    if a.docs:
        report.into("docs/benchmarks.md", report.markdown(about))
        report.into("README.md", report.summary(about))
        write("docs/peers.svg", report.svg(about))


if __name__ == "__main__":
    main()
