# SPDX-License-Identifier: MIT
# What the freestanding library takes from outside: mem*, and the arithmetic that the processor lacks, from libgcc.
list=$($NM -A -u "$B/libtinyvis.a" | awk 'NF >= 2 { n = split($1, p, ":"); print p[n - 1], $NF }' | grep -v ' tvis_' | sort -u)
# float: f*, double: d* (homographies and the crop of a picture only), 64 bits, division where there is none.
allowed='memcpy memmove memset memcmp
    __aeabi_(f|d)(add|sub|rsub|mul|div|cmp(eq|lt|le|ge|gt|un)) __aeabi_(f2d|d2f)
    __aeabi_(f|d)2(iz|uiz|lz|ulz) __aeabi_(i|ui|l|ul)2(f|d) __aeabi_(lmul|llsl|llsr|lasr|lcmp|ulcmp)
    __aeabi_u?idiv(mod)? __aeabi_u?ldivmod __c[lt]z[sd]i2 __gnu_thumb1_case_[a-z]+'
# Division of 64 bits: while a blob is opened or a session planned, once a picture, or once a row of softmax and norms, or once a block of
# sparse weights.
rare='blob requant matrix op_reshape op_pool_s8 preprocess attention_s8 layer_norm_s8 op_softmax_s8 sparse_gemm'

# shellcheck disable=SC2086
others=$(echo "$list" | awk '{ print $2 }' | sort -u | grep -Evx "$(echo $allowed | tr ' ' '|')")
if [ -z "$others" ]; then
    echo "ok - takes nothing from outside but mem* and arithmetic: $(echo "$list" | awk '{ print $2 }' | sort -u | tr '\n' ' ')"
else
    echo "not ok - takes from outside: $(echo "$others" | tr '\n' ' ')"
fi
# shellcheck disable=SC2086
hot=$(echo "$list" | grep 'ldivmod$' | awk '{ print $1 }' | sort -u | grep -Evx "($(echo $rare | tr ' ' '|'))\.o")
if [ -z "$hot" ]; then
    echo "ok - divides no 64 bits in inner loops"
else
    echo "not ok - divides 64 bits in $(echo "$hot" | tr '\n' ' ')"
fi
if $NM -A -u "$B/libtinyvis.a" | grep -Eq ' (malloc|free|printf|.*printf|abort|__errno|exp|sqrt|tanh)f?$'; then
    echo "not ok - no heap, no input and output, no mathematics of libc"
else
    echo "ok - no heap, no input and output, no mathematics of libc"
fi
