# SPDX-License-Identifier: MIT
# To be sourced: networks with random weights for programs that run in an emulator. Needs TINYVIS (a tool for this machine) and OUT (a folder).
models=$OUT/models
mkdir -p "$models" "$OUT/pictures"

# Waves in three colours, as a plain PPM: $1 tells them apart.
draw() {
    awk -v n="$1" 'BEGIN {
        print "P3 256 256 255"
        for (y = 0; y < 256; y++)
            for (x = 0; x < 256; x++) {
                r = sqrt((x - 32 * n) ^ 2 + (y - 128) ^ 2)
                printf "%d %d %d\n", 127 + 127 * sin(r / (5 + n)), 127 + 127 * sin(x / (23 - 2 * n)), (y * n) % 256
            }
    }'
}

# What `tinyvis convert` is told of a network.
architecture() {
    case $1 in
    mobilenet_v2_075) echo "-m mobilenet_v2 --width 0.75" ;;
    resnet18_64) echo "-m resnet18 --size 64 --classes 2" ;;
    superpoint_160) echo "-m superpoint --size 120x160" ;;
    *) echo "-m $1" ;;
    esac
}

# $1 network, $2 type of its numbers; random weights, seeded.
make_model() {
    float=$models/$1.fp32.tvis
    # shellcheck disable=SC2046
    [ -s "$float" ] || "$TINYVIS" convert $(architecture "$1") --random 1 -o "$float" > /dev/null
    [ -s "$models/$1.$2.tvis" ] || "$TINYVIS" quantize "$float" -o "$models/$1.$2.tvis" --mode "$2" \
        --calibrate "$OUT/pictures" $([ "$2" != int8 ] || echo --observer minmax) > /dev/null
}

for n in 1 2 3 4; do
    [ -s "$OUT/pictures/$n.ppm" ] || draw "$n" > "$OUT/pictures/$n.ppm"
done
