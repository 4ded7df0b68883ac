# SPDX-License-Identifier: MIT
# run.sh PROGRAM SECONDS: one fuzzer, as a line of TAP. Inputs that fail are kept beside the program.
program=$1
seconds=$2
name=$(basename "$program" | sed 's/^fuzz_//')
corpus=$(dirname "$program")/corpus/$name
mkdir -p "$corpus"
seeds=tests/fuzz/seeds/$name
[ -d "$seeds" ] || seeds=
log=$program.log
# What reads command lines says what is wrong with each.
quiet=
[ "$name" = args ] && quiet=-close_fd_mask=3
if "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=1048576 -print_final_stats=1 $quiet \
    -artifact_prefix="$program-" "$corpus" $seeds >"$log" 2>&1; then
    echo "ok - fuzz_$name, $(sed -n 's/.*number_of_executed_units: *//p' "$log") inputs in $seconds s"
else
    tail -n 60 "$log" | sed 's/^/# /'
    echo "not ok - fuzz_$name"
fi
