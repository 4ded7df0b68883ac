# SPDX-License-Identifier: MIT
# tinyvis keypoints and match: points, matches and their pictures, with random weights.
. tests/tool/common.inc
tinyvis convert -m superpoint --random 1 --width 0.125 --size 48x64 -o "$T/m.tvis" >"$T/out" || not_ok 'convert for the other tests' "$T/out"
small_model "$T/class.tvis"
picture "$T/a.ppm" "$T/m.tvis" 1000 64 48
picture "$T/wide.ppm" "$T/m.tvis" 2000 150 50

works 'points of a picture' keypoints "$T/m.tvis" "$T/a.ppm"
says 'how many and how long' 'a.ppm: [0-9]* points in [0-9.]* ms (network 48x64 [0-9.]* ms, arena '
says 'the strongest of them' 'score 0\.'
works '--json' keypoints "$T/m.tvis" "$T/a.ppm" --json
json_with 'keypoints --json has the keys' width height input points x y score ms network_ms arena_bytes
cp "$T/out" "$T/points.json"
works '--top' keypoints "$T/m.tvis" "$T/a.ppm" --json --top 3
true_that 'three points' test "$(grep -c '"score"' "$T/out")" = 3
works '-o OUT.csv' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/points.csv"
true_that 'a head and a line for each point' test "$(wc -l <"$T/points.csv")" = $(($(grep -c '"score"' "$T/points.json") + 1))
true_that 'the head' grep -qx 'x,y,score' "$T/points.csv"
works '-o OUT.png' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/points.png"
true_that 'is a PNG' grep -aq '^.PNG' "$T/points.png"
works '-o OUT.ppm' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/points.ppm"
true_that 'of the size of the picture' grep -aqx '64 48' "$T/points.ppm"
true_that 'with something on it' sh -c '! cmp -s "$1" "$2"' sh "$T/points.ppm" "$T/a.ppm"
works '--threads' keypoints "$T/m.tvis" "$T/a.ppm" --threads 3 -o "$T/points3.csv"
true_that 'gives the same points' cmp "$T/points.csv" "$T/points3.csv"
works '--plan small' keypoints "$T/m.tvis" "$T/a.ppm" --plan small --json
works '--nms, --radius, --border, --refine, --style' keypoints "$T/m.tvis" "$T/a.ppm" --json --nms maxpool --radius 9 --border 0 --refine 0 --style superglue --threshold 0.02
works 'corners of the picture are left alone' keypoints "$T/m.tvis" "$T/a.ppm" --refine 0 --corner 0 -o "$T/whole.csv"
true_that 'points are whole pixels then' sh -c 'sed 1d "$1" | cut -d, -f1,2 | grep -c . && ! sed 1d "$1" | cut -d, -f1,2 | grep -q "\\."' sh "$T/whole.csv"
works '--corner' keypoints "$T/m.tvis" "$T/a.ppm" --refine 0 --corner 2 -o "$T/corner.csv"
true_that 'moves them' sh -c '! cmp -s "$1" "$2"' sh "$T/whole.csv" "$T/corner.csv"
works 'the shape of the picture is kept' keypoints "$T/m.tvis" "$T/wide.ppm" --json
says 'with about as many pixels as the model has' '"input": \[1, 32, 96, 1\]'
works '--full' keypoints "$T/m.tvis" "$T/wide.ppm" --full --json
says 'sides to multiples of 8' '"input": \[1, 48, 152, 1\]'
works '--size' keypoints "$T/m.tvis" "$T/wide.ppm" --size 64x64 --json
says 'as it was asked for' '"input": \[1, 64, 64, 1\]'
printf 'P5\n3 2\n255\nabcdef' >"$T/tiny.pgm"
works 'a tiny gray picture' keypoints "$T/m.tvis" "$T/tiny.pgm" --json -o "$T/tiny.ppm"
says 'has no points' '"points": \[\]'
python 'points lie in the picture, strongest first' <<'EOF'
import json
p = json.load(open('points.json'))
assert p['width'] == 64 and p['height'] == 48 and p['input'] == [1, 48, 64, 1] and len(p['points']) > 5
s = [k['score'] for k in p['points']]
assert s == sorted(s, reverse=True) and min(s) > 0 and max(s) <= 1
assert all(3.5 <= k['x'] <= 59.5 and 3.5 <= k['y'] <= 43.5 for k in p['points'])
rows = [tuple(map(float, l.split(','))) for l in open('points.csv').read().split()[1:]]
assert rows == [(k['x'], k['y'], k['score']) for k in p['points']]
EOF

# A picture, and a part of it 16 pixels further right and 8 further down: the network sees the same but near the edges.
W=320 H=240 w=256 h=200
noise "$T/m.tvis" 3000 $((W * H)) >"$T/pixels"
{ printf 'P5\n%d %d\n255\n' $W $H; cat "$T/pixels"; } >"$T/whole.pgm"
{
    printf 'P5\n%d %d\n255\n' $w $h
    row=0
    while [ $row -lt $h ]; do
        noise "$T/pixels" $(((row + 8) * W + 16)) $w
        row=$((row + 1))
    done
} >"$T/part.pgm"
works 'matches of two pictures' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full
says 'how many, and how many agree' '^[0-9]* matches, [0-9]* of them agree, [0-9.]* ms in all'
says 'the homography' '^homography$'
works 'match --json' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full --json
json_with 'match --json has the keys' points matches a b distance inlier inliers homography ms network_ms arena_bytes
cp "$T/out" "$T/match.json"
works '-o OUT.csv' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full -o "$T/match.csv"
true_that 'the head' grep -qx 'ax,ay,bx,by,distance,inlier' "$T/match.csv"
true_that 'a line for each match' test "$(wc -l <"$T/match.csv")" = $(($(grep -c '"distance"' "$T/match.json") + 1))
works '-o OUT.png' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full -o "$T/match.png"
works '-o OUT.ppm' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full -o "$T/match.ppm"
true_that 'both side by side' grep -aqx "$((W + w + 4)) $H" "$T/match.ppm"
works '--ratio, --max-distance, --pixels, --symmetric' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full --json --ratio 0.9 --max-distance 0.3 \
    --pixels 1 --symmetric
works '--threads' match "$T/m.tvis" "$T/whole.pgm" "$T/part.pgm" --full -o "$T/match3.csv" --threads 3
true_that 'gives the same matches' cmp "$T/match.csv" "$T/match3.csv"
python 'the homography is the step between the pictures' <<'EOF'
import json
m = json.load(open('match.json'))
assert len(m['matches']) > 100 and m['inliers'] > 0.5 * len(m['matches']), (len(m['matches']), m['inliers'])
assert sum(k['inlier'] for k in m['matches']) == m['inliers'] and m['points'][0] >= m['points'][1] >= len(m['matches'])
def corner(x, y, h=m['homography']):
    w = h[6] * x + h[7] * y + h[8]
    return (h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w
for x in (16, 272):
    for y in (8, 208):
        u, v = corner(x, y)
        assert abs(u - (x - 16)) < 1 and abs(v - (y - 8)) < 1, (x, y, u, v)
EOF
works 'pictures without points' match "$T/m.tvis" "$T/tiny.pgm" "$T/part.pgm" --json -o "$T/none.ppm"
says 'no homography' '"homography": null'
says 'no inliers' '"inliers": 0'
works 'and says why' match "$T/m.tvis" "$T/tiny.pgm" "$T/part.pgm"
says 'in words' '^no homography: fewer than 4 matches'
rm "$T/none.ppm"

fails 2 'something is missing: tinyvis keypoints \[M.tvis\] IMAGE' keypoints "$T/m.tvis"
fails 2 'something is missing: tinyvis match \[M.tvis\] A B' match "$T/m.tvis" "$T/wide.ppm"
fails 2 'something is missing' keypoints
fails 2 'something is missing' match "$T/a.ppm"
fails 2 'one argument too many' keypoints "$T/m.tvis" "$T/a.ppm" "$T/wide.ppm"
fails 2 'does not end in .png, .ppm or .csv' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/none.jpg"
fails 2 'does not end in .png, .ppm or .csv' match "$T/m.tvis" "$T/a.ppm" "$T/wide.ppm" -o "$T/none.npy"
fails 2 'exclude each other' keypoints "$T/m.tvis" "$T/a.ppm" --full --size 48
fails 2 "'--nms'" keypoints "$T/m.tvis" "$T/a.ppm" --nms fast
fails 2 "'--threshold'" keypoints "$T/m.tvis" "$T/a.ppm" --threshold 2
fails 2 "'--radius'" keypoints "$T/m.tvis" "$T/a.ppm" --radius 65
fails 2 "'--corner'" keypoints "$T/m.tvis" "$T/a.ppm" --corner 9
fails 2 "'--ratio'" match "$T/m.tvis" "$T/a.ppm" "$T/wide.ppm" --ratio 1.5
fails 1 'a.ppm: height: .*8 expected, 50 found' keypoints "$T/m.tvis" "$T/a.ppm" --size 50x64 -o "$T/none.ppm"
fails 1 'class.tvis: .*no model for keypoints' keypoints "$T/class.tvis" "$T/a.ppm" -o "$T/none.ppm"
fails 1 'class.tvis: .*no model for keypoints' match "$T/class.tvis" "$T/a.ppm" "$T/wide.ppm" -o "$T/none.ppm"
fails 1 'nofile.ppm: cannot be opened' keypoints "$T/m.tvis" "$T/nofile.ppm" -o "$T/none.ppm"
fails 1 'nofile.ppm: cannot be opened' match "$T/m.tvis" "$T/a.ppm" "$T/nofile.ppm" -o "$T/none.ppm"
zeros "$T/z.npy" '1, 48, 64' 3072
fails 1 'z.npy: .*a picture is needed' keypoints "$T/m.tvis" "$T/z.npy" -o "$T/none.ppm"
fails 1 'written over an input' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/a.ppm"
fails 1 'written over an input' match "$T/m.tvis" "$T/a.ppm" "$T/wide.ppm" -o "$T/wide.ppm"
fails 1 'cannot be written' keypoints "$T/m.tvis" "$T/a.ppm" -o "$T/nodir/none.ppm"
absent "$T/none.ppm"
finish
