# SPDX-License-Identifier: MIT
# make.sh CPU B: the images of examples/firmware in B, for the library B/libtinyvis.a. Wants TINYVIS, the tool on this
# computer, CROSS and ARCH, compiler and flags of the board. CPU host: programs for this computer, from the same models.
set -eu
cpu=$1 B=$2 here=examples/firmware out=$2/images shared=build/firmware/models
mkdir -p "$out" "$shared"

# Models without training: random weights, quantized by the ranges that the demo's pictures give. Made once.
model() # NAME CALIBRATION convert's options...
{
    [ -s "$shared/$1.tvis" ] && return
    name=$1 pictures=$2
    shift 2
    $TINYVIS convert "$@" --random 1 -o "$shared/$name.f32.tvis" >/dev/null
    $TINYVIS quantize "$shared/$name.f32.tvis" -o "$shared/$name.tmp" --mode int8 --observer minmax --equalize off \
        --calibrate "$pictures" >/dev/null 2>&1
    mv "$shared/$name.tmp" "$shared/$name.tvis"
}
model mobilenet_v2 examples/demo -m mobilenet_v2 --width 0.35 --size 96 --classes 10
model mobilenet_v1 examples/demo -m mobilenet_v1 --width 0.25 --size 96 --classes 2 --channels 1
cp models/superpoint.tvis "$shared/superpoint.tvis"

# 128 x 96 pixels of the demo's first picture, from its middle: a PGM whose header has 15 bytes.
if [ ! -s "$shared/picture.c" ]; then
    set -- $(head -c 15 examples/demo/pavilion_a.pgm | tr '\n' ' ')
    {
        echo '#include "net.h"'
        echo 'const uint8_t net_picture[NET_WIDTH * NET_HEIGHT] = {'
        i=0
        while [ $i -lt 96 ]; do
            od -An -v -tu1 -j $((15 + ($3 / 2 - 48 + i) * $2 + $2 / 2 - 64)) -N 128 examples/demo/pavilion_a.pgm |
                sed 's/[0-9][0-9]*/&,/g'
            i=$((i + 1))
        done
        echo '};'
    } >"$shared/picture.tmp"
    mv "$shared/picture.tmp" "$shared/picture.c"
fi

flags="-std=c99 -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -Os -g -ffunction-sections -fdata-sections -Iinclude -I$here"
if [ "$cpu" = host ]; then
    cc="${CC:-cc} $flags" target=native board=$here/host.c link="-Wl,--gc-sections -lm -lpthread" suffix=
else
    target=$cpu
    [ "$cpu" = cortex-m0plus ] && target=cortex-m
    cc="${CROSS}gcc $ARCH -ffreestanding -fno-tree-loop-distribute-patterns $flags" board=$here/mps2.c suffix=.elf
    link="-nostdlib -T $here/mps2.ld -Wl,--gc-sections -Wl,-z,noexecstack -lgcc"
fi
image() # PROGRAM MODEL SOURCE...
{
    program=$1 model=$2
    shift 2
    $TINYVIS embed "$shared/$model.tvis" --target $target --int8-input --name net -o "$out/$model.c"
    # shellcheck disable=SC2086
    $cc -o "$out/$program$suffix" "$@" $here/net.c $here/report.c $board "$shared/picture.c" "$out/$model.c" \
        "$B/libtinyvis.a" $link
}
image mobilenet_v2 mobilenet_v2 $here/classify.c
image smallest mobilenet_v2 $here/smallest.c
image mobilenet_v1 mobilenet_v1 $here/classify.c
image keypoints superpoint $here/keypoints.c
case $cpu in
cortex-m[47]) image tasks mobilenet_v2 $here/tasks.c $here/task.c ;;
esac
