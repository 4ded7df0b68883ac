# SPDX-License-Identifier: MIT
# tinyvis run: pictures and arrays in, classes and arrays out.
. tests/tool/common.inc
printf 'zero\none "1"\nzwei\\\n\tthree\nfour\nfünf\nsix\nseven\neight\nnine\n' >"$T/labels.txt"
small_model "$T/m.tvis" --labels "$T/labels.txt"
picture "$T/a.ppm" "$T/m.tvis" 100000 50 40
picture "$T/b.ppm" "$T/m.tvis" 200000 32 64
zeros "$T/z.npy" '3, 32, 32' 3072
zeros "$T/z4.npy" '2, 3, 32, 32' 6144
zeros "$T/wide.npy" '1, 3, 32, 64' 6144

works 'a picture' run "$T/m.tvis" "$T/a.ppm"
says 'name and time' 'a.ppm: [0-9.]* ms (and [0-9.]* to read, [0-9.]* to pre-process)'
true_that 'five classes' test "$(grep -c '^  *[0-9.]*  class [0-9]' "$T/out")" = 5
works '--top 3' run "$T/m.tvis" "$T/a.ppm" --top 3
true_that 'three classes' test "$(grep -c '^  *[0-9.]*  class [0-9]' "$T/out")" = 3
works '--top beyond the classes' run "$T/m.tvis" "$T/a.ppm" --top 100
true_that 'ten classes' test "$(grep -c '^  *[0-9.]*  class [0-9]' "$T/out")" = 10
works '--json, two pictures and an array' run --json --top 10 "$T/m.tvis" "$T/a.ppm" "$T/b.ppm" "$T/z.npy"
json_with 'run --json has the keys' input ms top class label prob
cp "$T/out" "$T/run.json"
python 'a list of inputs with classes in order' <<'EOF'
import json
l = json.load(open('run.json'))
assert [e['input'].split('/')[-1] for e in l] == ['a.ppm', 'b.ppm', 'z.npy']
for e in l:
    p = [t['prob'] for t in e['top']]
    assert p == sorted(p, reverse=True) and abs(sum(p) - 1) < 1e-5 and e['ms'] > 0
    assert sorted(t['class'] for t in e['top']) == list(range(10))
names = {t['class']: t['label'] for t in l[0]['top']}
assert names[1] == 'one "1"' and names[2] == 'zwei\\' and names[3] == '\tthree' and names[5] == 'f\u00fcnf', names
EOF

works '-o' run "$T/m.tvis" "$T/z.npy" -o "$T/out1.npy"
true_that 'logits have two dimensions' grep -aq "'shape': (1, 10)" "$T/out1.npy"
true_that 'are float32' grep -aq "'descr': '<f4'" "$T/out1.npy"
works '--threads 3' run "$T/m.tvis" "$T/z.npy" -o "$T/out3.npy" --threads 3
true_that 'gives the same bits' cmp "$T/out1.npy" "$T/out3.npy"
works '--plan small' run "$T/m.tvis" "$T/z.npy" -o "$T/small.npy" --plan small
works 'a batch' run "$T/m.tvis" "$T/z4.npy" -o "$T/out4.npy"
true_that 'logits of both' grep -aq "'shape': (2, 10)" "$T/out4.npy"
says 'classes of both' 'picture 1 of the batch'
works 'a batch as JSON' run "$T/m.tvis" "$T/z4.npy" --json
json_with 'has the keys' input ms top batch
works 'an array that is not square' run "$T/m.tvis" "$T/wide.npy" -o "$T/wide.out.npy"
works '--size for a picture' run "$T/m.tvis" "$T/a.ppm" --size 48x64 -o "$T/p.npy"
works '--size that an array has' run "$T/m.tvis" "$T/wide.npy" --size 32x64
fails 1 'wide.npy: .*shape 1x3x32x32 expected, 1x3x32x64 found' run "$T/m.tvis" "$T/wide.npy" --size 32
python 'the outputs are what they should be' <<'EOF'
import struct
def load(name):
    d = open(name, 'rb').read()
    n = 10 + struct.unpack('<H', d[8:10])[0]
    return struct.unpack('<%df' % ((len(d) - n) // 4), d[n:])
one, two, small = load('out1.npy'), load('out4.npy'), load('small.npy')
span = max(one) - min(one)
assert len(one) == 10 and span > 0
assert all(abs(a - b) <= 1e-5 * span for a, b in zip(one + one, two)), (one, two)
assert all(abs(a - b) <= 1e-4 * span for a, b in zip(one, small)), (one, small)
EOF

fails 2 'does not end in .npy' run "$T/m.tvis" "$T/a.ppm" -o "$T/out.txt"
fails 2 'takes one input, not 2' run "$T/m.tvis" "$T/a.ppm" "$T/b.ppm" -o "$T/none.npy"
fails 1 'written over an input' run "$T/m.tvis" "$T/z.npy" -o "$T/z.npy"
fails 1 'cannot be written' run "$T/m.tvis" "$T/z.npy" -o "$T/nodir/none.npy"
fails 1 'nofile.ppm: cannot be opened' run "$T/m.tvis" "$T/nofile.ppm"
fails 1 'nofile.tvis: cannot be opened' run "$T/nofile.tvis" "$T/a.ppm"
fails 1 'nofile.ppm: cannot be opened' run "$T/m.tvis" "$T/a.ppm" "$T/nofile.ppm" --json
fails 1 'a.ppm: .*4 GiB' run "$T/m.tvis" "$T/a.ppm" --size 16384 -o "$T/none.npy"
fails 1 'a.ppm: .*height' run "$T/m.tvis" "$T/a.ppm" --size 2 -o "$T/none.npy"
absent "$T/none.npy"

# Arrays that are damaged or do not fit.
zeros "$T/four.npy" '4, 32, 32' 4096
fails 1 'four.npy: .*shape 3x32x32 expected, 4x32x32 found' run "$T/m.tvis" "$T/four.npy" -o "$T/none.npy"
zeros "$T/flat.npy" '3072,' 3072
fails 1 'flat.npy: 3 or 4 dimensions' run "$T/m.tvis" "$T/flat.npy" -o "$T/none.npy"
zeros "$T/none5.npy" '1, 1, 3, 32, 32' 3072
fails 1 'none5.npy: ' run "$T/m.tvis" "$T/none5.npy" -o "$T/none.npy"
zeros "$T/empty.npy" '3, 0, 32' 0
fails 1 'empty.npy: ' run "$T/m.tvis" "$T/empty.npy" -o "$T/none.npy"
zeros "$T/huge.npy" '3, 2147483647, 2147483647' 16
fails 1 'huge.npy: ' run "$T/m.tvis" "$T/huge.npy" -o "$T/none.npy"
zeros "$T/tall.npy" '3, 100000, 1' 300000
fails 1 'tall.npy: ' run "$T/m.tvis" "$T/tall.npy" -o "$T/none.npy"
head -c 5000 "$T/z.npy" >"$T/short.npy"
fails 1 'short.npy: ' run "$T/m.tvis" "$T/short.npy" -o "$T/none.npy"
head -c 50 "$T/z.npy" >"$T/head.npy"
fails 1 'head.npy: ' run "$T/m.tvis" "$T/head.npy" -o "$T/none.npy"
sed "s/<f4/<f8/" "$T/z.npy" >"$T/double.npy"
fails 1 'double.npy: ' run "$T/m.tvis" "$T/double.npy" -o "$T/none.npy"
sed "s/'fortran_order': False/'fortran_order': True /" "$T/z.npy" >"$T/fortran.npy"
fails 1 'fortran.npy: ' run "$T/m.tvis" "$T/fortran.npy" -o "$T/none.npy"

# Pictures that are damaged.
head -c 1000 "$T/a.ppm" >"$T/short.ppm"
fails 1 'short.ppm: ' run "$T/m.tvis" "$T/short.ppm" -o "$T/none.npy"
printf 'P6\n99999 99999\n255\nxxxx' >"$T/large.ppm"
fails 1 'large.ppm: ' run "$T/m.tvis" "$T/large.ppm" -o "$T/none.npy"
printf 'P6\n0 5\n255\n' >"$T/zero.ppm"
fails 1 'zero.ppm: ' run "$T/m.tvis" "$T/zero.ppm" -o "$T/none.npy"
: >"$T/empty.jpg"
fails 1 'empty.jpg: ' run "$T/m.tvis" "$T/empty.jpg" -o "$T/none.npy"
fails 1 'labels.txt: ' run "$T/m.tvis" "$T/labels.txt" -o "$T/none.npy"
printf '\377\330\377\340\000\020JFIF\000garbage' >"$T/bad.jpg"
fails 1 'bad.jpg: ' run "$T/m.tvis" "$T/bad.jpg" -o "$T/none.npy"
printf '\211PNG\r\n\032\n\000\000\000\rIHDRgarbage' >"$T/bad.png"
fails 1 'bad.png: ' run "$T/m.tvis" "$T/bad.png" -o "$T/none.npy"
fails 1 "$T: " run "$T/m.tvis" "$T" -o "$T/none.npy"
bad=$(printf 'no\nfile\033[31m.ppm')
fails 1 'no?file?.31m.ppm: ' run "$T/m.tvis" "$bad"
absent "$T/none.npy"
finish
