# SPDX-License-Identifier: MIT
# Damaged blobs: refused in one line by every command, and never a crash.
. tests/tool/common.inc
small_model "$T/m.tvis"
picture "$T/a.ppm" "$T/m.tvis" 100000 50 40
mkdir "$T/images"
cp "$T/a.ppm" "$T/images"
printf 'file,class_index\na.ppm,3\n' >"$T/labels.csv"
size=$(size_of "$T/m.tvis")

cp "$T/m.tvis" "$T/bad.tvis"
flip "$T/bad.tvis" $((size / 2))
fails 1 'bad.tvis: .*checksum' info "$T/bad.tvis"
fails 1 'bad.tvis: .*checksum' info "$T/bad.tvis" --json --layers
fails 1 'bad.tvis: .*checksum' run "$T/bad.tvis" "$T/a.ppm"
fails 1 'bad.tvis: .*checksum' eval "$T/bad.tvis" --images "$T/images" --labels "$T/labels.csv"
fails 1 'bad.tvis: .*checksum' compare "$T/m.tvis" "$T/bad.tvis" --images "$T/images"
fails 1 'bad.tvis: .*checksum' compare "$T/bad.tvis" "$T/m.tvis" --images "$T/images"
fails 1 'bad.tvis: .*checksum' profile "$T/bad.tvis"
fails 1 'bad.tvis: .*checksum' embed "$T/bad.tvis" -o "$T/none.c"
fails 1 'bad.tvis: .*checksum' verify "$T/bad.tvis"
absent "$T/none.c"

for n in 0 1 4 63 64 127 128 129 1000 5000 10000 20000 $((size / 2)) $((size - 1)); do
    head -c "$n" "$T/m.tvis" >"$T/bad.tvis"
    fails 1 'bad.tvis: ' verify "$T/bad.tvis"
done
cat "$T/m.tvis" "$T/a.ppm" >"$T/bad.tvis"
fails 1 'bad.tvis: ' verify "$T/bad.tvis"
fails 1 'a.ppm: ' verify "$T/a.ppm"

# One byte wrong: refused, or it was padding and the answer is the same.
tinyvis verify --json "$T/m.tvis" | grep output_crc >"$T/good"
crashed='' accepted='' wrong=''
offset=0
while [ $offset -lt "$size" ]; do
    cp "$T/m.tvis" "$T/bad.tvis"
    flip "$T/bad.tvis" $offset
    tinyvis verify --json "$T/bad.tvis" >"$T/out" 2>"$T/err"
    case $? in
    0)
        accepted="$accepted $offset"
        grep output_crc "$T/out" | cmp -s - "$T/good" || wrong="$wrong $offset"
        ;;
    1) [ "$(grep -c '^tinyvis: .*bad.tvis: .' "$T/err")" -eq 1 ] || crashed="$crashed $offset" ;;
    *) crashed="$crashed $offset" ;;
    esac
    if [ $offset -lt 128 ]; then
        offset=$((offset + 2))
    elif [ $offset -lt 16000 ]; then
        offset=$((offset + 331))
    else
        offset=$((offset + size / 23))
    fi
done
true_that "a flipped byte never crashes:$crashed" test -z "$crashed"
true_that "a flipped byte never changes the answer:$wrong" test -z "$wrong"
echo "# flipped and accepted (padding):$accepted"
finish
