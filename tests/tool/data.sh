# SPDX-License-Identifier: MIT
# With real weights and photographs (TINYVIS_DATA): accuracy, golden logits, both kinds of weight file.
. tests/tool/common.inc
D=$TINYVIS_DATA
if [ ! -f "$D/weights/mobilenet_v2.pth" ] || [ ! -f "$D/imagenet_sample/labels.csv" ]; then
    skip 'TINYVIS_DATA names no folder with real weights and photographs'
    finish
fi
photos=$D/imagenet_sample
case $RUN in *qemu*) emulated=1 ;; *) emulated='' ;; esac

works 'convert .pth' convert -m mobilenet_v2 "$D/weights/mobilenet_v2.pth" -o "$T/m.tvis" --labels "$photos/imagenet_classes.txt"
says 'parameters and MACs' '3.49 M parameters, 300.8 M MACs'
works 'convert .safetensors' convert -m mobilenet_v2 "$D/weights/mobilenet_v2.safetensors" -o "$T/s.tvis" --labels "$photos/imagenet_classes.txt"
true_that 'both give the same bytes' cmp "$T/m.tvis" "$T/s.tvis"

fails 1 'mobilenet_v2.pth: classifier.1.weight: shape 10x1280 expected, 1000x1280 found' convert -m mobilenet_v2 --classes 10 \
    "$D/weights/mobilenet_v2.pth" -o "$T/none.tvis"
fails 1 'resnet20_cifar10.pth: features.0.0.weight: ' convert -m mobilenet_v2 "$D/weights/resnet20_cifar10.pth" -o "$T/none.tvis"
fails 1 'mobilenet_v3_small_tfpad.safetensors: ' convert -m mobilenet_v2 "$D/weights/mobilenet_v3_small_tfpad.safetensors" -o "$T/none.tvis"
fails 1 'mobilenet_v2.pth: .*shape ' convert -m mobilenet_v2 --width 0.5 "$D/weights/mobilenet_v2.pth" -o "$T/none.tvis"
for file in mobilenet_v2.pth mobilenet_v2.safetensors; do
    for n in 7 100 4000 30000 1000000 "$(($(size_of "$D/weights/$file") - 1))"; do
        head -c "$n" "$D/weights/$file" >"$T/cut-$file"
        fails 1 "cut-$file: " convert -m mobilenet_v2 "$T/cut-$file" -o "$T/none.tvis"
    done
    # Flips that the format cannot see (weights of .safetensors) make another network; the others are refused.
    for n in 0 5 33 200 2000 9000; do
        cp "$D/weights/$file" "$T/flip-$file"
        chmod u+w "$T/flip-$file"
        flip "$T/flip-$file" "$n"
        tinyvis convert -m mobilenet_v2 "$T/flip-$file" -o "$T/flipped.tvis" >"$T/out" 2>"$T/err"
        status=$?
        if [ $status -eq 0 ] || { [ $status -eq 1 ] && [ "$(grep -c "^tinyvis: .*flip-$file: ." "$T/err")" -eq 1 ]; }; then
            ok "a flipped byte at $n of $file: status $status"
        else
            not_ok "a flipped byte at $n of $file: status $status" "$T/err"
        fi
    done
done
absent "$T/none.tvis"

if [ "${JPEG:-1}" = 1 ]; then
    works 'a photograph' run "$T/m.tvis" "$photos/0088_n01818515_macaw.jpg" --top 1
    says 'is a macaw' '^  *[01]\.[0-9]*  class 88  *macaw'
else
    skip 'a photograph: built without libjpeg'
fi
works 'profile' profile "$T/m.tvis" --runs 1
works 'info' info "$T/m.tvis" --json
true_that 'the arena is at most 6.5 MB' test "$(value arena_bytes)" -le 6500000

golden='from numpy import load, float32, abs
x = load(data + "/golden/input_crops_u8.npy").astype(float32) / float32(255)
x = (x - float32([0.485, 0.456, 0.406])) / float32([0.229, 0.224, 0.225])
x = x.transpose(0, 3, 1, 2).copy()'
if [ -z "$PYTHON" ] || ! "$PYTHON" -c 'import numpy' 2>/dev/null; then
    skip 'golden logits: no python3 with numpy'
else
    count=20
    [ -z "$emulated" ] || count=1
    printf 'import sys, numpy\ndata, n = sys.argv[1], int(sys.argv[2])\n%s\nnumpy.save("crops.npy", x[:n])\n' "$golden" >"$T/make.py"
    (cd "$T" && "$PYTHON" make.py "$D" $count) || not_ok 'golden input'
    works 'golden crops' run "$T/m.tvis" "$T/crops.npy" -o "$T/logits.npy" --top 1
    printf 'import sys, numpy\na, b = numpy.load("logits.npy"), numpy.load(sys.argv[1] + "/golden/mobilenet_v2_logits.npy")\nd = numpy.abs(a - b[:len(a)]).max()\nprint(a.shape, d)\nsys.exit(not (a.shape == (int(sys.argv[2]), 1000) and d <= 1e-3))\n' >"$T/check.py"
    cd "$T" || exit 1
    true_that 'logits within 1e-3 of PyTorch' "$PYTHON" check.py "$D" $count
    cd "$ROOT" || exit 1
fi

if [ -n "$emulated" ] || [ -n "$SAN" ] || [ "${JPEG:-1}" != 1 ]; then
    skip 'eval of 500 photographs: only where it is quick, and with libjpeg'
    finish
fi
works 'eval of 500 photographs' eval "$T/m.tvis" --images "$photos" --labels "$photos/labels.csv" --json
printf '%s %s\n' "$(value top1)" "$(value top5)" >"$T/accuracy"
true_that "top-1 82.0, top-5 96.6 within one photograph: $(cat "$T/accuracy")" awk \
    '{ a = $1 - 82.0; b = $2 - 96.6; exit !(a * a <= 0.0401 && b * b <= 0.0401) }' "$T/accuracy"
finish
