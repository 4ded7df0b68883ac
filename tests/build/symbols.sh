# SPDX-License-Identifier: MIT
# Every global of the library is tvis_*; the freestanding part takes nothing from libc but mem*.
. tests/build/empty.inc

if [ -n "${SAN-}" ]; then
    echo "ok - symbols # SKIP sanitizers add their own"
    exit
fi
$NM -g --defined-only "$B/libtinyvis.a" | awk 'NF == 3 && $3 !~ /^tvis_/ { print $3 }' | empty "all globals are tvis_*"

# The compiler's own helpers are __*; on some targets the table of offsets is a symbol.
$NM -g $FREE_OBJ | awk '
    $1 == "U" { used[$2] = 1 }
    NF == 3 { defined[$3] = 1 }
    END { for (s in used) if (!(s in defined) && s !~ /^(mem(cpy|move|set|cmp)|__.*|_GLOBAL_OFFSET_TABLE_)$/) print s }' |
    empty "the freestanding part needs only memcpy, memmove, memset, memcmp"
exit $failures
