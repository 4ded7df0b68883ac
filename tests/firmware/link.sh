# SPDX-License-Identifier: MIT
# The whole freestanding part links for bare metal with nothing but mem* and the compiler's own helpers.
outside='-Wl,--defsym=memcpy=0,--defsym=memmove=0,--defsym=memset=0,--defsym=memcmp=0'
# shellcheck disable=SC2086
if $CC -nostdlib -Wl,-e,0 $outside -Wl,--whole-archive "$B/libtinyvis.a" -Wl,--no-whole-archive -lgcc -o "$B/whole.elf"; then
    echo "# $($SIZE "$B/whole.elf" | awk 'NR == 2 { print $1 " bytes of code and constants, " $2 " of data, " $3 " of bss" }')"
    echo "ok - links for $CC"
else
    echo "not ok - links for $CC"
    exit 1
fi
if [ "$($SIZE "$B/whole.elf" | awk 'NR == 2 { print $2 + $3 }')" = 0 ]; then
    echo "ok - has no writable data"
else
    echo "not ok - has no writable data"
    exit 1
fi
