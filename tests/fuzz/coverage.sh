# SPDX-License-Identifier: MIT
# coverage.sh OUT PROGRAM...: runs each fuzzer over its seeds and what has been found so far, and tells how many lines of the readers
# that reaches: the files on stdin. At least 90 per cent of all of them together, as TAP.
least=90
out=$1
shift
mkdir -p "$out"
rm -f "$out"/*.profraw
objects=
for program; do
    name=$(basename "$program" | sed 's/^fuzz_//')
    found=
    [ -d "build/fuzz/tests/fuzz/corpus/$name" ] && found=build/fuzz/tests/fuzz/corpus/$name
    # shellcheck disable=SC2086
    LLVM_PROFILE_FILE=$out/$name.profraw "$program" -close_fd_mask=3 tests/fuzz/seeds/"$name" $found >/dev/null 2>&1 ||
        echo "not ok - fuzz_$name over its seeds"
    objects="$objects -object $program"
done
llvm-profdata merge -o "$out/all" "$out"/*.profraw || exit 1
# shellcheck disable=SC2086,SC2046
llvm-cov report ${objects# -object } -instr-profile="$out/all" $(cat) 2>/dev/null |
    awk -v least=$least '
    /\.c / { printf "# %-45s %5d lines, %5.1f %% reached\n", $1, $8, 100 * ($8 - $9) / $8 }
    /^TOTAL/ {
        reached = 100 * ($8 - $9) / $8
        printf "%s - fuzzers reach %.1f %% of %d lines of the readers, %d %% wanted\n",
            (reached >= least ? "ok" : "not ok"), reached, $8, least
    }'
