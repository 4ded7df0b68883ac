# SPDX-License-Identifier: MIT
# tinyvis convert: options, determinism, refusals that leave nothing behind.
. tests/tool/common.inc
net='convert -m mobilenet_v2 --width 0.35 --classes 10 --size 32'

# shellcheck disable=SC2086
{
works 'random weights' $net --random 7 -o "$T/a.tvis"
says 'one line of what was written' 'a.tvis: mobilenet_v2, input 1x32x32x3, .* parameters, .* MACs, .* MB, random weights'
works '-oFILE, --option=value' convert --model=mobilenet_v2 --width=0.35 --classes=10 --size=32x32 --random=7 -o"$T/b.tvis"
true_that 'the same seed gives the same bytes' cmp "$T/a.tvis" "$T/b.tvis"
works 'another seed' $net --random 8 -o "$T/b.tvis"
if cmp -s "$T/a.tvis" "$T/b.tvis"; then not_ok 'gives other bytes'; else ok 'gives other bytes'; fi
works 'the largest seed' $net --random 18446744073709551615 -o "$T/b.tvis"
works '--json' $net --random 7 -o "$T/b.tvis" --json
json_with 'convert --json has the keys' file arch input classes params macs file_bytes
true_that 'file_bytes is the size of the file' test "$(value file_bytes)" = "$(size_of "$T/b.tvis")"
works 'an existing file is replaced' $net --random 7 -o "$T/b.tvis"
works '--channels 1' convert -m mobilenet_v1 --random 1 --width 0.25 --classes 2 --size 96 --channels 1 -o "$T/gray.tvis"
says 'one channel' 'input 1x96x96x1, 210.7 k parameters, 7.16 M MACs'
fails 1 'resnet18: channels: .* 3 expected, 1 found' convert -m resnet18 --random 1 --channels 1 -o "$T/none.tvis"
fails 1 'channels: .* 2 found' convert -m mobilenet_v1 --random 1 --channels 2 -o "$T/none.tvis"
works '--size HxW' convert -m mobilenet_v2 --random 1 --width 0.35 --classes 10 --size 64x96 -o "$T/c.tvis"
says 'is the default input' 'input 1x64x96x3'
works '--padding same' $net --random 7 --padding same -o "$T/c.tvis"
if cmp -s "$T/a.tvis" "$T/c.tvis"; then not_ok 'is another network'; else ok 'is another network'; fi
works '--padding framework' $net --random 7 --padding framework -o "$T/c.tvis"
true_that 'is the default' cmp "$T/a.tvis" "$T/c.tvis"

printf 'zero\none "1"\nzwei\\\n\tthree\nfour\r\nfünf\nsix\nseven\neight\nnine' >"$T/labels.txt"
works '--labels' $net --random 7 --labels "$T/labels.txt" -o "$T/named.tvis"
head -n 9 "$T/labels.txt" >"$T/nine.txt"
fails 1 'nine.txt: .*10.*9' $net --random 7 --labels "$T/nine.txt" -o "$T/none.tvis"
: >"$T/empty"
fails 1 'empty: ' $net --random 7 --labels "$T/empty" -o "$T/none.tvis"
fails 1 'nofile: cannot be opened' $net --random 7 --labels "$T/nofile" -o "$T/none.tvis"
printf 'a\0b\n' >"$T/binary.txt"
fails 1 'binary.txt: .*zero byte' $net --random 7 --labels "$T/binary.txt" -o "$T/none.tvis"

fails 2 "'-m' is missing" convert --random 1 -o "$T/none.tvis"
fails 2 "'vgg' is no architecture" convert -m vgg --random 1 -o "$T/none.tvis"
fails 2 "'-o' is missing" $net --random 1
fails 2 'weight file, or --random' $net -o "$T/none.tvis"
fails 2 'exclude each other' $net --random 1 "$T/a.tvis" -o "$T/none.tvis"

fails 1 'nofile.pth: cannot be opened' $net "$T/nofile.pth" -o "$T/none.tvis"
fails 1 "$T: cannot be read" $net "$T" -o "$T/none.tvis"
fails 1 'empty: ' $net "$T/empty" -o "$T/none.tvis"
fails 1 'labels.txt: ' $net "$T/labels.txt" -o "$T/none.tvis"
fails 1 'a.tvis: ' $net "$T/a.tvis" -o "$T/none.tvis"
head -c 100000 /dev/zero >"$T/zero.pth"
fails 1 'zero.pth: ' $net "$T/zero.pth" -o "$T/none.tvis"
printf 'PK\003\004hello, I am a zip file, or am I' >"$T/zip.pth"
fails 1 'zip.pth: ' $net "$T/zip.pth" -o "$T/none.tvis"
printf '\200\002cos\nsystem\nX\004\000\000\000exit\205R.' >"$T/hostile.pth"
fails 1 'hostile.pth: ' $net "$T/hostile.pth" -o "$T/none.tvis"

# A safetensors header: 8 bytes of length, JSON, data.
tensors() # OUT HEADER COUNT
{
    # shellcheck disable=SC2059
    { printf "\\$(printf %o ${#2})\\0\\0\\0\\0\\0\\0\\0"; printf '%s' "$2"; head -c "$3" /dev/zero; } >"$1"
}
tensors "$T/one.safetensors" '{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}' 16
fails 1 'one.safetensors: ' $net "$T/one.safetensors" -o "$T/none.tvis"
tensors "$T/short.safetensors" '{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}' 15
fails 1 'short.safetensors: ' $net "$T/short.safetensors" -o "$T/none.tvis"
tensors "$T/far.safetensors" '{"x":{"dtype":"F32","shape":[2,2],"data_offsets":[4294967296,4294967312]}}' 16
fails 1 'far.safetensors: ' $net "$T/far.safetensors" -o "$T/none.tvis"
tensors "$T/huge.safetensors" '{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}' 16
fails 1 'huge.safetensors: ' $net "$T/huge.safetensors" -o "$T/none.tvis"
tensors "$T/shape.safetensors" '{"features.0.0.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}' 16
fails 1 'features.0.0.weight' $net "$T/shape.safetensors" -o "$T/none.tvis"
tensors "$T/json.safetensors" '{"x":{"dtype":"F32","shape":[2,2],"data_offsets":' 16
fails 1 'json.safetensors: ' $net "$T/json.safetensors" -o "$T/none.tvis"
absent "$T/none.tvis"

fails 1 'none.tvis: cannot be written' $net --random 1 -o "$T/nodir/none.tvis"
fails 1 "$T: cannot be written" $net --random 1 -o "$T"
fails 1 'written over an input' $net "$T/zip.pth" -o "$T/zip.pth"
ln -s zip.pth "$T/link.pth"
fails 1 'written over an input' $net "$T/zip.pth" -o "$T/link.pth"
fails 1 'written over an input' $net --random 1 --labels "$T/labels.txt" -o "$T/labels.txt"
mkdir "$T/locked"
chmod 500 "$T/locked"
if [ -w "$T/locked" ]; then
    skip 'a folder that may not be written: this user may write everywhere'
else
    fails 1 'locked/m.tvis: cannot be written: Permission denied' $net --random 1 -o "$T/locked/m.tvis"
fi
fails 1 'mobilenet_v2: \|: .*height\|side\|size' convert -m mobilenet_v2 --random 1 --size 1 -o "$T/none.tvis"
absent "$T/none.tvis"
}
finish
