# SPDX-License-Identifier: MIT
# Killed at any time, or with a disk that is full: the output is the old one, or the whole new one, or not there.
. tests/tool/common.inc
small_model "$T/m.tvis"
mkdir "$T/pictures" "$T/result"
picture "$T/pictures/a.ppm" "$T/m.tvis" 100000 50 40
kills=12
[ -n "$RUN" ] && kills=4
[ "${TINYVIS_FULL-}" = 1 ] && kills=200

# What is there is OLD, or the same as WHOLE, or, where there was none, nothing.
state_of() # FILE WHOLE
{
    if cmp -s "$1" "$2"; then
        echo whole
    elif [ -e "$1" ]; then
        [ "$(cat "$1")" = old ] && echo old || echo part
    else
        echo absent
    fi
}

now_ms()
{
    echo $(($(date +%s%N) / 1000000))
}

# Ends the command after 0, 1/12, 2/12 … of the time that it takes when nobody does.
killed() # ARGUMENTS... (without -o FILE)
{
    whole=$T/whole out=$T/result/x wrong='' ended='' n=0
    rm -f "$T/result"/*
    start=$(now_ms)
    tinyvis "$@" -o "$whole" >/dev/null 2>"$T/err" || not_ok "$* works" "$T/err"
    took=$(($(now_ms) - start))
    while [ $n -lt $kills ]; do
        rm -f "$T/result"/*
        [ $((n % 2)) = 0 ] && echo old >"$out"
        # shellcheck disable=SC2086
        $TINYVIS "$@" -o "$out" >/dev/null 2>&1 &
        sleep "$(printf '%d.%03d' $((took * n / kills / 1000)) $((took * n / kills % 1000)))"
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        state=$(state_of "$out" "$whole")
        ended="$ended $state"
        case $state$((n % 2)) in
        part* | absent0 | old1) wrong="$wrong $n" ;;
        esac
        n=$((n + 1))
    done
    true_that "$1 killed $kills times:$(echo "$ended" | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ')$wrong" test -z "$wrong"
}

# The same on a disk without room: told in one line, nothing left behind.
full() # WORDS FOLDER ARGUMENTS...
{
    words=$1 folder=$2
    shift 2
    echo old >"$folder/x"
    fails 1 "$words" "$@" -o "$folder/x"
    true_that "$1: the old file stays, and no other" test "$(cat "$folder/x") $(ls "$folder")" = 'old x'
    rm -f "$folder/x"
    fails 1 "$words" "$@" -o "$folder/x"
    true_that "$1: nothing is left" test -z "$(ls "$folder")"
}

all() # FUNCTION [ARGUMENTS...]
{
    "$@" convert -m mobilenet_v2 --random 7 --classes 10 --width 0.35 --size 32
    "$@" quantize "$T/m.tvis" --mode int8 --calibrate "$T/pictures" --observer minmax --equalize off
    "$@" quantize "$T/m.tvis" --mode dynamic
    "$@" prune "$T/m.tvis" --amount 0.5
}

# This script once more, with a file system of its own, which ends with it.
if [ "${2-}" = disk ]; then
    mkdir "$T/disk"
    mount -t tmpfs -o size=64k tmpfs "$T/disk" || exit 1
    all full 'x: cannot be written: No space left on device' "$T/disk"
    umount "$T/disk"
    finish
fi
all killed
# A limit of 64 blocks of 512 bytes or of 1 KiB, as the shell counts; the signal is ignored, so that writing fails.
(
    trap '' XFSZ
    mkdir "$T/limited"
    ulimit -f 64
    all full 'x: cannot be written: File too large' "$T/limited"
    exit $failed
) || failed=1
if unshare -m sh -c "mount -t tmpfs -o size=64k tmpfs '$T/result'" 2>/dev/null; then
    unshare -m bash "$0" "$B" disk || failed=1
else
    skip "a disk that is full: mounting is not permitted"
fi
finish
