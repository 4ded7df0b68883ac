# SPDX-License-Identifier: MIT
# The network that the tool has in itself, on the pictures of the demo; and on pictures that have nothing to match.
. tests/tool/common.inc
A=examples/demo/pavilion_a.pgm B2=examples/demo/pavilion_b.pgm

total=0
for file in models/*.tvis; do
    works "$(basename "$file") is whole" verify "$file"
    total=$((total + $(size_of "$file")))
done
true_that 'together at most 2 MB' test $total -le 2000000
for file in "$A" "$B2"; do
    true_that "$(basename "$file") has at most 300 kB" test "$(size_of "$file")" -le 300000
done

works 'keypoints without a model' keypoints "$A" --json
true_that 'many of them' test "$(grep -c '"score"' "$T/out")" -ge 400
cp "$T/out" "$T/bundled.json"
works 'keypoints of the file it was built from' keypoints models/superpoint.tvis "$A" --json
sed '/ms"/d' "$T/out" >"$T/file.json"
sed '/ms"/d' "$T/bundled.json" >"$T/same.json"
true_that 'are the same' cmp "$T/file.json" "$T/same.json"
works 'match without a model' match "$A" "$B2" -o "$T/demo.png"
says 'points, and the time of the network' 'pavilion_b.pgm: [0-9]* points (network 384x576 '
says 'matches, inliers, time, arena' '^[0-9]* matches, [0-9]* of them agree, [0-9.]* ms in all, arena [0-9.]* MB$'
works 'match --json' match "$A" "$B2" --json
true_that 'most matches agree' test "$(($(value inliers) * 2))" -gt "$(grep -c '"distance"' "$T/out")"
true_that 'at least 100' test "$(value inliers)" -ge 100
cp "$T/out" "$T/match.json"
python 'the homography puts the corners within 2 pixels of their places' <<'EOF'
import json
h = json.load(open('match.json'))['homography']
assert h
# make_pictures.py: these places of the first picture are the corners of the second
off = 0
for (x, y), (u, v) in zip(((40, 52), (430, 4), (560, 372), (4, 378)), ((0, 0), (575, 0), (575, 383), (0, 383))):
    w = h[6] * x + h[7] * y + h[8]
    off += ((h[0] * x + h[1] * y + h[2]) / w - u) ** 2 + ((h[3] * x + h[4] * y + h[5]) / w - v) ** 2
assert (off / 4) ** 0.5 < 2, (off / 4) ** 0.5
EOF

gray() # OUT W H FILE: a gray picture of the first bytes of FILE
{
    printf 'P5\n%d %d\n255\n' "$2" "$3" >"$1"
    head -c $(($2 * $3)) "$4" >>"$1"
}
tail -c +1000 models/superpoint.tvis >"$T/bytes"
cat "$T/bytes" "$T/bytes" "$T/bytes" >"$T/more"
gray "$T/noise.pgm" 200 160 "$T/bytes"
tail -c +60000 "$T/bytes" >"$T/rest"
gray "$T/other.pgm" 200 160 "$T/rest"
gray "$T/black.pgm" 200 160 /dev/zero
cp "$T/black.pgm" "$T/black.ppm"
gray "$T/dot.pgm" 1 1 /dev/zero
gray "$T/wide.pgm" 3000 9 "$T/more"
for other in noise black dot wide; do
    works "nothing in common with $other.pgm" match "$A" "$T/$other.pgm"
    says 'is said' '^no homography: '
done
works 'two pictures of noise' match "$T/noise.pgm" "$T/other.pgm"
says 'have none either' '^no homography: '
works 'a black picture' keypoints "$T/black.pgm" --json
true_that 'has no points' test "$(grep -c '"score"' "$T/out")" -eq 0

fails 1 'Makefile: ' keypoints Makefile
fails 1 'Makefile: ' match "$A" Makefile
fails 1 'nofile.pgm: cannot be opened' match "$T/nofile.pgm" "$A"
fails 2 'something is missing: tinyvis match \[M.tvis\] A B' match models/superpoint.tvis "$A"
fails 1 'written over an input' match "$T/noise.pgm" "$T/black.ppm" -o "$T/black.ppm"
fails 1 'cannot be written' match "$A" "$B2" -o "$T/nodir/none.png"
finish
