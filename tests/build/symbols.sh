# SPDX-License-Identifier: MIT
# Every global of the library is tvis_*; the freestanding part takes nothing from libc but mem*; the shared library
# exports what the public headers declare and nothing else.
status=0

check() # NAME: the input must be empty
{
    local found
    found=$(sort -u)
    if [ -z "$found" ]; then
        echo "ok - $1"
    else
        echo "not ok - $1:" $found
        status=1
    fi
}

if [ -n "${SAN-}" ]; then
    echo "ok - symbols # SKIP sanitizers add their own"
    exit
fi
$NM -g --defined-only "$B/libtinyvis.a" | awk 'NF == 3 && $3 !~ /^tvis_/ { print $3 }' | check "all globals are tvis_*"

# The compiler's own helpers are __*; on some targets the table of offsets is a symbol.
$NM -g $FREE_OBJ | awk '
    $1 == "U" { used[$2] = 1 }
    NF == 3 { defined[$3] = 1 }
    END { for (s in used) if (!(s in defined) && s !~ /^(mem(cpy|move|set|cmp)|__.*|_GLOBAL_OFFSET_TABLE_)$/) print s }' |
    check "the freestanding part needs only memcpy, memmove, memset, memcmp"

if [ -f "$B/libtinyvis.so" ]; then
    $NM -D --defined-only "$B/libtinyvis.so" | awk '{ print $3 }' | grep '^[a-z]' | sort >"$B/exported"
    cat include/tinyvis/*.h | sed 's://.*::' | tr '\n' ' ' | sed 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/::g' | tr ';' '\n' |
        sed -n 's/.*TVIS_API//p' | sed 's/(.*//; s/^ *extern const [a-z_]* //' | tr ',' '\n' |
        grep -o 'tvis_[a-z0-9_]* *$' | tr -d ' ' | sort >"$B/declared"
    comm -23 "$B/declared" "$B/exported" | check "the shared library exports every function of the headers"
    comm -13 "$B/declared" "$B/exported" | check "the shared library exports nothing else"
fi
exit $status
