#!/bin/sh
# SPDX-License-Identifier: MIT
# make demo: a network from PyTorch's weights to an answer about a picture, on this machine, in a few seconds.
# TINYVIS_DATA names a folder with weights/ and imagenet_sample/; without it the weights are random numbers.
# JPEG=0 says that the tool was built without libjpeg.
set -eu
tool=${TINYVIS:-build/native/tinyvis}
data=${TINYVIS_DATA:-../shared/data}
out=$(dirname "$tool")/demo
mkdir -p "$out"

show() {
    printf '\n$ tinyvis'
    printf ' %s' "$@"
    printf '\n'
    "$tool" "$@"
}

# Rings in three colours, as a plain PPM.
draw_rings() {
    awk 'BEGIN {
        print "P3 256 256 255"
        for (y = 0; y < 256; y++)
            for (x = 0; x < 256; x++) {
                r = sqrt((x - 128) ^ 2 + (y - 128) ^ 2)
                printf "%d %d %d\n", 127 + 127 * sin(r / 9), 127 + 127 * sin(x / 23), y
            }
    }' > "$1"
}

weights=$data/weights/mobilenet_v2.pth
photo=$data/imagenet_sample/0340_n02391049_zebra.jpg
if [ -r "$weights" ] && [ -r "$photo" ] && [ "${JPEG:-1}" = 1 ]; then
    labels=$data/imagenet_sample/imagenet_classes.txt
    show convert -m mobilenet_v2 --labels "$labels" "$weights" -o "$out/mobilenet_v2.tvis"
    show info "$out/mobilenet_v2.tvis"
    show run "$out/mobilenet_v2.tvis" "$photo" "$data/imagenet_sample/0404_n02690373_airliner.jpg"
else
    echo "No trained weights (TINYVIS_DATA is not set, or this build reads no JPEG): the weights are random numbers,"
    echo "so the classes below mean nothing. Everything else is what a trained network would do."
    draw_rings "$out/rings.ppm"
    show convert -m mobilenet_v2 --random 1 -o "$out/mobilenet_v2.tvis"
    show info "$out/mobilenet_v2.tvis"
    show run "$out/mobilenet_v2.tvis" "$out/rings.ppm"
fi
