# SPDX-License-Identifier: MIT
# clang-tidy over everything but kernels and firmware for one processor; .clang-tidy says which checks.
flags='-std=c99 -Iinclude -Isrc -I. -D_FILE_OFFSET_BITS=64 -DTVIS_HAVE_JPEG -DTVIS_HAVE_PNG'
files=$(ls src/*/*.c src/*/*/*.c examples/*.c examples/*/*.c 2>/dev/null |
    grep -vE '_(neon|neon32|armv6|vfp11|dotprod|i8mm|avx2|avx512|vnni|vbmi|amx)\.c$|^examples/firmware/')
# shellcheck disable=SC2086
if clang-tidy --quiet $files -- $flags 2>/dev/null; then
    echo "ok - clang-tidy over $(echo "$files" | wc -l) files"
else
    echo "not ok - clang-tidy"
fi
