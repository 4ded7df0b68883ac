# SPDX-License-Identifier: MIT
# Inference must fit: .text and .rodata of everything that is not hosted, all operators, with the pointers that are constants too.
limit=150000
total=$($SIZE -t $FREE_OBJ | awk 'END { print $1 + $2 }')
$SIZE -t $FREE_OBJ | sed 's/^/# /'
if [ "$total" -le $limit ]; then
    echo "ok - inference takes $total bytes of code and constants, $limit allowed"
else
    echo "not ok - inference takes $total bytes of code and constants, $limit allowed"
    exit 1
fi
