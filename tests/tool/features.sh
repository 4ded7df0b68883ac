# SPDX-License-Identifier: MIT
# tinyvis features: tokens as arrays, principal components and attention as pictures, similarity.
. tests/tool/common.inc
tinyvis convert -m dino_vits16 --random 7 --size 48x64 -o "$T/m.tvis" >/dev/null || { not_ok 'convert'; exit 1; }
small_model "$T/net.tvis"
picture "$T/a.ppm" "$T/m.tvis" 100000 90 70
picture "$T/b.ppm" "$T/m.tvis" 300000 64 64
zeros "$T/z.npy" '1, 3, 32, 48' 4608
zeros "$T/two.npy" '2, 3, 32, 32' 6144
zeros "$T/odd.npy" '1, 3, 40, 48' 5760

works 'a picture' features "$T/m.tvis" "$T/a.ppm"
says 'what was looked at' 'a.ppm: 3x4 patches, 384 channels, in [0-9.]* ms (arena '
says 'principal components' 'principal components: [0-9.]* %, [0-9.]* %, [0-9.]* % of the variance'
works '-o .npy' features "$T/m.tvis" "$T/a.ppm" -o "$T/f.npy"
true_that 'patch tokens' grep -aq "'shape': (1, 12, 384)" "$T/f.npy"
true_that 'class token' grep -aq "'shape': (1, 384)" "$T/f.1.npy"
works 'run -o' run "$T/m.tvis" "$T/a.ppm" -o "$T/r.npy"
true_that 'run gives the class token' cmp "$T/r.npy" "$T/f.1.npy"
true_that 'then the patch tokens' cmp "$T/r.1.npy" "$T/f.npy"
true_that 'then the attention' grep -aq "'shape': (1, 6, 13)" "$T/r.2.npy"
works '--threads, --plan' features "$T/m.tvis" "$T/a.ppm" -o "$T/f3.npy" --threads 3 --plan small
true_that 'give the same bits' cmp "$T/f.npy" "$T/f3.npy"

works '-o .ppm, --attention .ppm' features "$T/m.tvis" "$T/a.ppm" -o "$T/f.ppm" --attention "$T/at.ppm"
true_that 'the size of the input' test "$(head -n 2 "$T/f.ppm" | tail -n 1)" = '64 48'
true_that 'three maps across, two down' test "$(head -n 2 "$T/at.ppm" | tail -n 1)" = '200 100'
works 'again' features "$T/m.tvis" "$T/a.ppm" -o "$T/again.ppm" --attention "$T/again.png"
true_that 'the same picture' cmp "$T/f.ppm" "$T/again.ppm"
true_that 'a PNG' test "$(head -c 4 "$T/again.png" | tail -c 3)" = PNG
works '--size' features "$T/m.tvis" "$T/a.ppm" --size 32x80 -o "$T/wide.ppm"
true_that 'another size' test "$(head -n 2 "$T/wide.ppm" | tail -n 1)" = '80 32'
works '--attention .npy' features "$T/m.tvis" "$T/a.ppm" --attention "$T/at.npy"
true_that 'is a map a head' grep -aq "'shape': (1, 6, 3, 4)" "$T/at.npy"
works 'an array' features "$T/m.tvis" "$T/z.npy" -o "$T/z.ppm"
true_that 'says its own size' test "$(head -n 2 "$T/z.ppm" | tail -n 1)" = '48 32'

works '--similarity' features "$T/m.tvis" "$T/a.ppm" --similarity "$T/b.ppm"
says 'a cosine' 'similarity to .*b.ppm: -\{0,1\}[01]\.[0-9]*$'
works '--similarity with itself' features "$T/m.tvis" "$T/a.ppm" --similarity "$T/a.ppm" --json
json_with 'features --json has the keys' image input grid channels explained similarity ms arena_bytes
true_that 'is 1' sh -c "grep -q '\"similarity\": \(1\|0.99999\)' '$T/out'"
cp "$T/out" "$T/self.json"
works '--json' features "$T/m.tvis" "$T/a.ppm" --similarity "$T/b.ppm" --json -o "$T/a.npy"
cp "$T/out" "$T/ab.json"
works 'the other one' features "$T/m.tvis" "$T/b.ppm" -o "$T/b.npy"
python 'numbers agree with the arrays' <<'EOF'
import array, json, math
def read(name):
    b = open(name, 'rb').read()
    a = array.array('f'); a.frombytes(b[128:]); return a
j = json.load(open('ab.json'))
assert j['input'] == [1, 48, 64, 3] and j['grid'] == [3, 4] and j['channels'] == 384
a, b = read('a.1.npy'), read('b.1.npy')
cos = sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
assert abs(cos - j['similarity']) < 1e-5, (cos, j['similarity'])
e = j['explained']
assert e == sorted(e, reverse=True) and 0 < e[2] and sum(e) <= 1
maps = read('at.npy')
assert len(maps) == 6 * 12 and all(0 < v < 1 for v in maps)
assert all(sum(maps[12 * h:12 * h + 12]) < 1 for h in range(6))
EOF

fails 1 'not a vision transformer' features "$T/net.tvis" "$T/a.ppm" -o "$T/no.npy"
absent "$T/no.npy"
fails 1 'multiple' features "$T/m.tvis" "$T/a.ppm" --size 50
fails 1 'multiple' features "$T/m.tvis" "$T/odd.npy"
fails 1 'one picture at a time' features "$T/m.tvis" "$T/two.npy"
fails 1 'missing.ppm' features "$T/m.tvis" "$T/a.ppm" --similarity "$T/missing.ppm"
fails 1 'over an input' features "$T/m.tvis" "$T/a.ppm" -o "$T/a.ppm"
fails 1 'over an input' features "$T/m.tvis" "$T/a.ppm" --similarity "$T/b.ppm" --attention "$T/b.ppm"
fails 2 'does not end in' features "$T/m.tvis" "$T/a.ppm" -o "$T/no.jpg"
fails 2 'the same file' features "$T/m.tvis" "$T/a.ppm" -o "$T/x.png" --attention "$T/x.png"
fails 1 'no/such' features "$T/m.tvis" "$T/a.ppm" -o "$T/no/such.npy"
fails 2 'missing' features "$T/m.tvis"
fails 1 'not a multiple.*16.*225' convert -m dino_vits16 --random 1 --size 225 -o "$T/no.tvis"
absent "$T/no.tvis"
fails 1 'vision transformer' convert -m dino_vits16 --random 1 --width 0.5 -o "$T/no.tvis"
fails 1 'vision transformer' convert -m dino_vits16 --random 1 --classes 5 -o "$T/no.tvis"
finish
