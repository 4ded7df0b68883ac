# SPDX-License-Identifier: MIT
# The assembly of ARMv6 goes with code of Raspberry Pi OS, which passes floats in registers (-march=armv6 -mfloat-abi=hard).
case $($CC -dumpmachine) in
arm-linux*) ;;
*)
    echo "skip - hard float: not for this processor"
    exit
    ;;
esac
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
failures=0
flags="-std=c99 -O2 -marm -march=armv6 -mfpu=vfp -mfloat-abi=hard -ffreestanding -Iinclude -Isrc"
n=0
for f in src/*/*_armv6.S src/*/*_vfp11.S src/ops/*_armv6.c src/ops/*_vfp11.c src/ops/gemm.c; do
    n=$((n + 1))
    # shellcheck disable=SC2086
    if ! $CC $flags -c "$f" -o "$T/$n.o" 2>"$T/err"; then
        echo "not ok - $f: $(head -n 1 "$T/err")"
        failures=1
    fi
done
[ $failures != 0 ] || echo "ok - $n files compile for hard float"
# The linker compares what the objects say of their calls. The compiler by itself: with two float ABIs, of which the last one counts,
# GCC names both their loaders.
# shellcheck disable=SC2086
if ${MAKE_CC:-$CC} $flags -nostdlib -no-pie -r -o "$T/all.o" "$T"/*.o 2>"$T/err" && [ ! -s "$T/err" ]; then
    echo "ok - they go together"
else
    echo "not ok - they go together: $(head -n 1 "$T/err")"
    failures=1
fi
exit $failures
