#!/bin/sh
# SPDX-License-Identifier: MIT
# make bench-aarch64: instructions of one inference on AArch64, counted by bench/pizero-sim, and cycles of the hot loops as llvm-mca
# estimates them, as two tables in Markdown. Needs TINYVIS (a tool for this machine), PROGRAM (bench_pizero, static), OBJECTS (those of
# the loops), OUT (a folder), NETS.
set -eu
sim=$OUT/sim
mkdir -p "$sim"
cp -p bench/pizero-sim/* "$sim"
make -s -C "$sim" CC=cc CFLAGS=-O2 > /dev/null
# shellcheck source=bench/models.sh
. bench/models.sh

# Millions of instructions: $1 processor, $2 network, $3 type of its numbers.
count() {
    make_model "$2" "$3"
    rm -f "$OUT/count"
    QEMU=qemu-aarch64 QEMU_CPU=$1 sh "$sim/pizero-run" -c -o "$OUT/count" "$PROGRAM" "$models/$2.$3.tvis" > /dev/null
    awk '{ printf "%.1f", $3 / 1e6 }' "$OUT/count"
}

echo "| network | fp32 | int8, Cortex-A53 | int8, Cortex-A76 (dot products) |"
echo "| --- | ---: | ---: | ---: |"
for net in $NETS; do
    echo "| \`$net\` | $(count cortex-a53 "$net" fp32) | $(count cortex-a53 "$net" int8) | $(count cortex-a76 "$net" int8) |"
done

command -v llvm-mca > /dev/null || { echo "llvm-mca is missing: no table of loops"; exit 0; }
echo
echo "| loop | instructions | Cortex-A53 | Cortex-A55 | Cortex-A72 | Cortex-A76 |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
for object in $OBJECTS; do
    # The loop with the most instructions of each function: from where a branch goes back to, to that branch.
    "${OBJDUMP:-aarch64-linux-gnu-objdump}" -d --no-show-raw-insn "$object" | awk -v out="$OUT/loop" '
        function close_function() {
            if (!best)
                return
            for (i = first; i <= last; i++)
                print text[i] > out "." name ".s"
            close(out "." name ".s")
            print name, best
        }
        /^[0-9a-f]+ <.*>:$/ { close_function(); name = $2; gsub(/[<>:]/, "", name); n = best = 0; next }
        /^ +[0-9a-f]+:/ {
            split($0, field, "\t")
            at[n] = field[1]; gsub(/[ :]/, "", at[n])
            line = field[2] "\t" field[3]; sub(/ *\/\/.*/, "", line); sub(/ *<.*/, "", line)
            text[n] = line
            if (field[2] ~ /^b\./) {
                target = field[3]; sub(/ .*/, "", target)
                for (i = n; i >= 0; i--)
                    if (at[i] == target) {
                        inner = 1
                        for (j = i; j < n; j++)
                            if (text[j] ~ /^(b|cbz|cbnz|tbz|tbnz|ret|bl)\t/) inner = 0
                        if (inner && n - i + 1 > best) { best = n - i + 1; first = i; last = n }
                        break
                    }
                text[n] = field[2] "\t."
            }
            n++
        }
        END { close_function() }' | while read -r name length; do
        printf '| `%s` | %s' "$name" "$length"
        for cpu in cortex-a53 cortex-a55 cortex-a72 cortex-a76; do
            llvm-mca -mtriple=aarch64 -mcpu=$cpu -mattr=+dotprod,+i8mm -iterations=100 "$OUT/loop.$name.s" 2> /dev/null |
                awk '/Total Cycles/ { printf " | %.0f", $3 / 100 }'
        done
        echo ' |'
    done
done
