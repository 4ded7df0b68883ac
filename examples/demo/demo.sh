#!/bin/sh
# SPDX-License-Identifier: MIT
# make demo: two photographs of one building, matched by the network that tinyvis brings along.
# Where TINYVIS_DATA names a folder with weights/ and imagenet_sample/ (and JPEG=1: the tool reads JPEG), a network out of
# PyTorch's weights looks at two photographs too.
set -eu
here=$(dirname "$0")
tool=${TINYVIS:-build/native/tinyvis}
data=${TINYVIS_DATA:-../shared/data}
out=${OUT:-$(dirname "$tool")/demo}
mkdir -p "$out"

show() {
    printf '\n$ tinyvis'
    printf ' %s' "$@"
    printf '\n'
    # shellcheck disable=SC2086 # a command: it may begin with an emulator
    $tool "$@"
}

show match "$here/pavilion_a.pgm" "$here/pavilion_b.pgm" -o "$out/demo.png"
printf '\nThe pictures with their matches: %s\n' "$out/demo.png"

weights=$data/weights/mobilenet_v2.pth
sample=$data/imagenet_sample
if [ -r "$weights" ] && [ -r "$sample/0340_n02391049_zebra.jpg" ] && [ "${JPEG:-1}" = 1 ]; then
    show convert -m mobilenet_v2 --labels "$sample/imagenet_classes.txt" "$weights" -o "$out/mobilenet_v2.tvis"
    show run "$out/mobilenet_v2.tvis" "$sample/0340_n02391049_zebra.jpg" "$sample/0404_n02690373_airliner.jpg"
fi
