# SPDX-License-Identifier: MIT
"""What peers.py measured, as Markdown and as a picture."""
import math

from runners import RUNNERS

OURS = {"fp32": "tinyvis", "int8": "tinyvis_int8"}
BYTES = {"fp32": 4, "int8": 1}
# most that the ratio to the best peer may be: fp32, int8
GOALS = {
    "mobilenet_v2": (0.95, 0.95), "mobilenet_v3_small": (0.90, 0.90), "mobilenet_v3_large": (0.90, 0.90),
    "mobilenet_v4_conv_small": (1.00, 0.95), "efficientnet_b0": (0.85, 0.85), "resnet18": (0.92, 1.05),
    "superpoint": (0.92, 1.05), "superpoint_480": (0.92, 1.05), "resnet50": (0.96, 1.00), "resnet18_64": (0.85, 0.90),
    "dino_vits16": (1.00, 0.95), "dinov2_vits14": (1.00, 0.95), "dinov2_vitb14": (1.00, 0.95),
    "dinov2_vits14_518": (1.00, 0.85), "dinov2_vitb14_518": (1.00, 0.85),
}


def title(peer):
    return RUNNERS[peer][1] + ("" if RUNNERS[peer][2] == "fp32" else " " + RUNNERS[peer][2])


def quiet(about):
    """The least share of the core that a peer had in a turn that counts."""
    return min((r["core_share"] for row in about["rows"] for r in row["peers"].values() if "core_share" in r), default=1)


def measure(about):
    """What is compared: the median, or its CPU time where other programs were running."""
    return "p50_ms" if quiet(about) >= 0.9 else "cpu_p50_ms"


def timed(row, kind, key):
    """Peers of a type of numbers that ran, fastest first."""
    have = [p for p in RUNNERS if RUNNERS[p][2] == kind and key in row["peers"].get(p, {})]
    return sorted(have, key=lambda p: row["peers"][p][key])


def ratio(row, kind, key):
    """To the peer that is best by the same measure; None without one of them."""
    own, theirs = row["peers"].get(OURS[kind], {}), [row["peers"][p][key] for p in timed(row, kind, key)]
    return own[key] / min(theirs) if key in own and theirs else None


def number(value):
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def say(row):
    for peer, r in sorted(row["peers"].items(), key=lambda item: item[1].get("p50_ms", math.inf)):
        if "p50_ms" in r:
            print(f"{row['name']:24} {peer:20} median {r['p50_ms']:9.3f}  p95 {r['p95_ms']:9.3f}  shortest {r['min_ms']:9.3f}  CPU "
                  f"{r['cpu_p50_ms']:9.3f} ms  peak {r['peak_rss_kb'] / 1e3:6.0f} MB  start {r['startup_ms']:6.0f} ms  core {r['core_share']:.2f}",
                  flush=True)


def table(head, rows, left=1):
    line = "| " + " | ".join(head) + " |\n|" + "|".join([" --- "] * left + [" ---: "] * (len(head) - left)) + "|\n"
    return line + "".join("| " + " | ".join(cells) + " |\n" for cells in rows)


def lead(about, kind):
    key = measure(about)
    head = ["network", "best peer", "its ms", "tinyvis ms", "ratio", "goal", "of medians", "of CPU time", "of the least CPU time"]
    rows = []
    for row in about["rows"]:
        if ratio(row, kind, key) is None:
            continue
        best, own = timed(row, kind, key)[0], row["peers"][OURS[kind]]
        rows.append([f"`{row['name']}`", title(best), number(row["peers"][best][key]), number(own[key]),
                     f"**{ratio(row, kind, key):.2f}**", f"{GOALS[row['name']][kind == 'int8']:.2f}",
                     *(f"{ratio(row, kind, k):.2f}" for k in ("p50_ms", "cpu_p50_ms", "cpu_min_ms"))])
    return table(head, rows, 2)


def every(about, key):
    """Rows of all that ran: a column each."""
    peers = ["tinyvis", *[p for p in RUNNERS if RUNNERS[p][2] == "fp32"], "tinyvis_bf16",
             "tinyvis_int8", *[p for p in RUNNERS if RUNNERS[p][2] != "fp32"]]
    peers = [p for p in peers if any(key in row["peers"].get(p, {}) for row in about["rows"])]
    names = [title(p) if p in RUNNERS else p.replace("_", " ") for p in peers]
    cells = [[f"`{row['name']}`", *(number(row["peers"].get(p, {}).get(key)) for p in peers)] for row in about["rows"]]
    return table(["network", *names], cells)


def over_weights(row, peer, kind):
    """MB of the peak without the bare interpreter's and without the weights."""
    r = row["peers"].get(peer)
    return r and (r["peak_rss_kb"] - r.get("bare_kb", 0)) * 1.024e-3 - row["params"] * BYTES[kind] * 1e-6


def memory(about):
    head = ["network", "numbers", "weights MB", "fastest peer", "its peak MB", "over weights", "tinyvis peak MB", "over weights",
            "ratio", "plan small: peak MB"]
    rows = []
    for row in about["rows"]:
        for kind, own in OURS.items():
            if ratio(row, kind, measure(about)) is None:
                continue
            best = timed(row, kind, measure(about))[0]
            theirs, ours = over_weights(row, best, kind), over_weights(row, own, kind)
            small = row["peers"].get(own + "_small", {}).get("peak_rss_kb")
            rows.append([f"`{row['name']}`", kind, number(row["params"] * BYTES[kind] * 1e-6), title(best),
                         number(row["peers"][best]["peak_rss_kb"] * 1.024e-3), number(theirs),
                         number(row["peers"][own]["peak_rss_kb"] * 1.024e-3), number(ours), f"{ours / theirs:.2f}",
                         number(small and small * 1.024e-3)])
    return table(head, rows, 2)


def sizes(about):
    seen = {}
    for row in about["rows"]:
        for peer, r in row["peers"].items():
            if r.get("library_bytes"):
                seen.setdefault(RUNNERS[peer][4], []).append(r["library_bytes"] * 1e-6)
    rows = [["tinyvis", "", number(about["own_bytes"] * 1e-6)]]
    rows += [[p, about["versions"].get(p, ""), number(max(mb))] for p, mb in sorted(seen.items(), key=lambda s: max(s[1]))]
    return table(["", "version", "MB"], rows, 2)


def where(about):
    dates = sorted({row["date"] for row in about["rows"]})
    text = (f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}, {about['cpu']}, {about['threads']} "
            f"thread{'s' * (about['threads'] > 1)}, batch 1.")
    if measure(about) != "p50_ms":
        text += (f" The machine was busy: in the worst turn that counts a peer had {100 * quiet(about):.0f} % of the core. Times and "
                 "ratios are therefore of CPU time, medians of the runs.")
    return text + "\n"


def markdown(about):
    if not about["rows"]:
        return "Nothing was measured.\n"
    key = measure(about)
    times = ["### Median, ms\n" if key == "p50_ms" else "### Median of CPU time, ms\n", every(about, key)]
    if key == "p50_ms":
        times += ["### 95th percentile, ms\n", every(about, "p95_ms")]
    return "\n".join([
        where(about), "### fp32 against the fastest peer of each network\n", lead(about, "fp32"), "### int8\n", lead(about, "int8"),
        *times, "### Peak memory\n",
        "Peers: less what the bare Python interpreter has with NumPy; tinyvis: of a C program, everything.\n", memory(about),
        "### Start-up: load to first result, ms\n", every(about, "startup_ms"),
        "### Bytes of shared libraries that a peer maps, and of a program with all of tinyvis\n", sizes(about)])


def summary(about):
    key, rows = measure(about), []
    for row in about["rows"]:
        cells = [f"`{row['name']}`"]
        for kind, own in OURS.items():
            if ratio(row, kind, key) is None:
                cells += ["", "", ""]
                continue
            best = timed(row, kind, key)[0]
            cells += [number(row["peers"][own][key]), f"{number(row['peers'][best][key])} ({RUNNERS[best][1]})",
                      f"{ratio(row, kind, key):.2f}"]
        rows.append(cells)
    return where(about) + "\n" + table(["network", "fp32 ms", "best peer", "ratio", "int8 ms", "best peer", "ratio"], rows)


def into(path, text):
    """Between the marks <!-- peers --> and <!-- /peers --> of a page."""
    with open(path) as f:
        page = f.read()
    before, mark, rest = page.partition("<!-- peers -->\n")
    _, end, after = rest.partition("<!-- /peers -->")
    if not mark or not end:
        raise ValueError(f"{path}: has no <!-- peers --> ... <!-- /peers -->")
    with open(path, "w") as f:
        f.write(before + mark + text + end + after)


# ---- the picture: a line a network and type, a dot a peer, at its time over tinyvis's ----

COLORS = {"PyTorch": "#d55e00", "PyTorch channels last": "#cc79a7", "onnxruntime": "#0072b2", "OpenVINO": "#009e73",
          "ncnn": "#e69f00", "LiteRT": "#56b4e9"}
LEFT, WIDTH, STEP, TOP = 230, 620, 20, 60
LEAST, MOST = 0.5, 8.0


def across(value):
    value = min(max(value, LEAST), MOST)
    return LEFT + WIDTH * math.log(value / LEAST) / math.log(MOST / LEAST)


def dots(row, kind, key, y):
    own = row["peers"][OURS[kind]][key]
    for peer in timed(row, kind, key):
        value = row["peers"][peer][key] / own
        yield (f'<circle cx="{across(value):.1f}" cy="{y}" r="5" fill="{COLORS[RUNNERS[peer][1]]}">'
               f"<title>{title(peer)}: {value:.2f} times tinyvis</title></circle>")


def svg(about):
    key = measure(about)
    lines = [(row, kind) for kind in OURS for row in about["rows"] if ratio(row, kind, key) is not None]
    height = TOP + STEP * len(lines) + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{height}" font-family="sans-serif" font-size="12">',
           f'<rect width="100%" height="100%" fill="white"/><text x="60" y="16">time of a run over that of tinyvis, {about["cpu"]}</text>']
    for i, (name, color) in enumerate(COLORS.items()):
        x = 60 + i * 125 + 45 * (i > 1)
        out.append(f'<circle cx="{x}" cy="32" r="5" fill="{color}"/><text x="{x + 9}" y="36">{name}</text>')
    for mark in (0.5, 0.7, 1, 1.5, 2, 3, 5, 8):
        style = 'stroke="#000" stroke-width="2"' if mark == 1 else 'stroke="#ddd"'
        out.append(f'<line x1="{across(mark):.1f}" x2="{across(mark):.1f}" y1="{TOP - 8}" y2="{height - 24}" {style}/>'
                   f'<text x="{across(mark):.1f}" y="{height - 8}" text-anchor="middle">{mark}</text>')
    for i, (row, kind) in enumerate(lines):
        y = TOP + STEP * i + 4
        out.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{row["name"]} {kind}</text>')
        out += dots(row, kind, key, y)
    return "\n".join(out + ["</svg>", ""])
