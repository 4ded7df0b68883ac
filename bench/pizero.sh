#!/bin/sh
# SPDX-License-Identifier: MIT
# make bench-pizero: networks under the model of a Raspberry Pi Zero (docs/pizero.md). Needs TINYVIS (a tool for this
# machine), PROGRAM (bench_pizero for ARMv6, static), OUT (a folder), NETS, DTYPES; PIZERO_SIM is the model's folder.
# KEEP=1 keeps results that are newer than the program, so that a long run that was cut off goes on.
set -eu
sim=$OUT/sim
mkdir -p "$sim"
# The model is built where the results are. One without laps gives no times of layers.
cp -p "${PIZERO_SIM:-bench/pizero-sim}"/* "$sim"
make -s -C "$sim" CC=cc CFLAGS=-O2 > /dev/null
laps=$(grep laps= "$sim/pizero-run" || true)

# shellcheck source=bench/models.sh
. bench/models.sh
# In the order of the kernels.
pack_model() {
    make_model "$1" "$2"
    [ "$models/$1.$2.packed.tvis" -nt "$TINYVIS" ] || "$TINYVIS" pack "$models/$1.$2.tvis" --target armv6 \
        -o "$models/$1.$2.packed.tvis" > /dev/null
}

# The report, the laps and the nodes to one JSON object on stdout, and a table on stderr.
summary() {
    awk -v net="$1" -v dtype="$2" '
        FILENAME ~ /report$/ && $1 == "time" { ms = $2 }
        FILENAME ~ /report$/ && $1 == "pages:" { rss = $2 * 4 }
        FILENAME ~ /laps$/ { at[++laps] = $1 }
        FILENAME ~ /nodes$/ && $1 == "node" {
            i = ++nodes; name[i] = $2; op[i] = $3; kernel[i] = $4; macs[i] = $5; all += $5
        }
        END {
            if (!ms || (laps && laps != 2 * nodes + 2)) {
                print net " " dtype ": no report of the model" > "/dev/stderr"
                exit 1
            }
            printf "%-36s %-15s %-12s %12s %9s %9s\n", "node", "operator", "kernel", "MAC", "ms", "MAC/cycle" > "/dev/stderr"
            start = laps ? (at[2] - at[1]) / 1e6 : 0
            printf "%-36s %-15s %-12s %12s %9.3f\n", "(start)", "-", "-", "-", start > "/dev/stderr"
            printf "{\"net\": \"%s\", \"dtype\": \"%s\", \"ms\": %s, \"start_ms\": %.3f, \"macs\": %.0f, \"rss_kb\": %d, \"layers\": [", net, dtype, ms, start, all, rss
            for (i = 1; i <= nodes; i++) {
                cycles = at[2 * i + 2] - at[2 * i + 1]
                rate = cycles ? macs[i] / cycles : 0
                printf "%-36s %-15s %-12s %12.0f %9.3f %9.2f\n", name[i], op[i], kernel[i], macs[i], cycles / 1e6, rate > "/dev/stderr"
                printf "%s\n  {\"name\": \"%s\", \"op\": \"%s\", \"kernel\": \"%s\", \"macs\": %.0f, \"ms\": %.3f, \"macs_per_cycle\": %.3f}", (i == 1 ? "" : ","), name[i], op[i], kernel[i], macs[i], cycles / 1e6, rate
            }
            printf "]}"
        }' "$3.report" "$3.laps" "$3.nodes"
}

# $1 network, $2 type: runs it, to $OUT/$1.$2.json.
measure() {
    one=$OUT/$1.$2
    if [ -n "${KEEP:-}" ] && [ -s "$one.json" ] && [ "$one.json" -nt "$PROGRAM" ]; then
        return
    fi
    rm -f "$one.report" "$one.json"
    : > "$one.laps"
    echo "== $1 $2" >&2
    pack_model "$1" "$2"
    sh "$sim/pizero-run" -t "${TOP:-12}" ${laps:+-l "$one.laps"} -o "$one.report" "$PROGRAM" \
        "$models/$1.$2.packed.tvis" > "$one.nodes"
    summary "$1" "$2" "$one" > "$one.json.part"
    mv "$one.json.part" "$one.json"
    cat "$one.report" >&2
}

for net in $NETS; do
    for dtype in $DTYPES; do
        measure "$net" "$dtype"
    done
done
comma='['
for net in $NETS; do
    for dtype in $DTYPES; do
        printf '%s\n' "$comma"
        cat "$OUT/$net.$dtype.json"
        comma=,
    done
done > "$OUT/bench.json.part"
printf '\n]\n' >> "$OUT/bench.json.part"
mv "$OUT/bench.json.part" "$OUT/bench.json"
echo "written: $OUT/bench.json"
