# SPDX-License-Identifier: MIT
# On a big-endian processor blobs and weights are refused in one line, and what needs neither works.
. tests/tool/common.inc
tinyvis --version | grep -q '^tinyvis ' && ok 'the tool runs' || not_ok 'the tool runs'
works 'models are listed' models
for command in info verify profile; do
    fails 1 'this processor is big-endian' "$command" tests/fuzz/seeds/blob/rows.tvis
done
fails 1 'this processor is big-endian' convert -m mobilenet_v2 --random 1 --width 0.1 -o "$T/none.tvis"
fails 1 'this processor is big-endian' convert -m mobilenet_v2 tests/golden/weights/checkpoint.pth -o "$T/none.tvis"
absent "$T/none.tvis"
finish
