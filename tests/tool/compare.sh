# SPDX-License-Identifier: MIT
# tinyvis compare and profile.
. tests/tool/common.inc
small_model "$T/a.tvis"
small_model "$T/b.tvis" --padding same
small_model "$T/other.tvis" --classes 5
mkdir "$T/images" "$T/nothing"
picture "$T/images/a.ppm" "$T/a.tvis" 100000 50 40
picture "$T/images/b.PPM" "$T/a.tvis" 200000 32 64
zeros "$T/images/c.npy" '2, 3, 32, 32' 6144
echo 'no picture' >"$T/images/readme.txt"
echo 'no picture' >"$T/nothing/readme.txt"
echo 'no picture' >"$T/nothing/.hidden.ppm"

works 'compare with itself' compare "$T/a.tvis" "$T/a.tvis" --images "$T/images"
says 'is equal' '^output 0  *equal SNR, cosine 1.000000'
says 'is the same class' '^same class  *100.00 %'
works 'compare --json' compare "$T/a.tvis" "$T/a.tvis" --images "$T/images" --json
json_with 'compare --json has the keys' images snr_db cosine top1_agree
true_that 'four pictures' test "$(value images)" = 4
true_that 'infinite is null' grep -q '"snr_db": \[null\]' "$T/out"
works 'compare with another padding' compare "$T/a.tvis" "$T/b.tvis" --images "$T/images" --json --layers
json_with 'the layers have the keys' images snr_db cosine top1_agree layers name
cp "$T/out" "$T/compare.json"
tinyvis run "$T/a.tvis" "$T/images/a.ppm" -o "$T/a.npy" >/dev/null
tinyvis run "$T/b.tvis" "$T/images/a.ppm" -o "$T/b.npy" >/dev/null
mkdir "$T/single"
cp "$T/images/a.ppm" "$T/single"
works 'one picture' compare "$T/a.tvis" "$T/b.tvis" --images "$T/single" --json --threads 2 --plan small
cp "$T/out" "$T/single.json"
python 'the figures are those that Python works out' <<'EOF'
import json, math, struct
def load(name):
    d = open(name, 'rb').read()
    n = 10 + struct.unpack('<H', d[8:10])[0]
    return struct.unpack('<%df' % ((len(d) - n) // 4), d[n:])
a, b, d, all = load('a.npy'), load('b.npy'), json.load(open('single.json')), json.load(open('compare.json'))
snr = 10 * math.log10(sum(x * x for x in a) / sum((x - y) ** 2 for x, y in zip(a, b)))
cosine = sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
assert abs(d['snr_db'][0] - snr) < 1e-3, (d, snr)
assert abs(d['cosine'][0] - cosine) < 1e-6
assert d['top1_agree'] == (100 if a.index(max(a)) == b.index(max(b)) else 0)
layers = all['layers']
assert len(layers) > 50 and layers[0]['name'] == 'features.0.0', layers
assert all['images'] == 4 and sum(l['snr_db'] is not None for l in layers) > 40
EOF
works '--layers for people' compare "$T/a.tvis" "$T/b.tvis" --images "$T/single" --layers --size 40x56
says 'a layer' ' dB  features.0.0$'
works 'layers of a size at which they would be fused' compare "$T/a.tvis" "$T/b.tvis" --images "$T/single" --layers --size 192 --plan small --json
true_that 'all are there' test "$(grep -c '"name": ' "$T/out")" -gt 50
tinyvis quantize "$T/a.tvis" -o "$T/i.tvis" --mode int8 --calibrate "$T/single" --observer minmax >/dev/null
works 'layers of an int8 model' compare "$T/a.tvis" "$T/i.tvis" --images "$T/single" --layers --json
cp "$T/out" "$T/int8.json"
works 'layers of an int8 model, the other way round' compare "$T/i.tvis" "$T/a.tvis" --images "$T/single" --layers --json
cp "$T/out" "$T/float.json"
python 'are the reals that the integers stand for' <<'EOF'
import json
a, b = json.load(open('int8.json')), json.load(open('float.json'))
assert len(a['layers']) > 50 and all(l['snr_db'] is not None and l['snr_db'] > 10 for l in a['layers']), a['layers']
assert a['layers'][0]['snr_db'] > 25, a['layers'][0]
both = [l['name'] for l in b['layers'] if l['snr_db'] is not None]
assert both == [l['name'] for l in a['layers']], both
EOF
fails 1 'another shape than the first.*: shape 1x1x1x10 expected, 1x1x1x5 found' compare "$T/a.tvis" "$T/other.tvis" --images "$T/images"
fails 1 'c.npy: .*shape 2x3x40x56 expected, 2x3x32x32 found' compare "$T/a.tvis" "$T/b.tvis" --images "$T/images" --size 40x56
fails 1 'nodir: ' compare "$T/a.tvis" "$T/a.tvis" --images "$T/nodir"
fails 1 'nothing: no .jpg' compare "$T/a.tvis" "$T/a.tvis" --images "$T/nothing"
fails 1 'a.ppm: ' compare "$T/a.tvis" "$T/a.tvis" --images "$T/images/a.ppm"
head -c 500 "$T/images/a.ppm" >"$T/single/b.ppm"
fails 1 'single/b.ppm: ' compare "$T/a.tvis" "$T/a.tvis" --images "$T/single" --json
fails 1 'nofile: cannot be opened' compare "$T/a.tvis" "$T/nofile" --images "$T/images"

works 'profile' profile "$T/a.tvis" --runs 3
says 'a node' '^features.0.0  *conv2d  *[0-9.]* '
says 'the total' '^total  *[0-9.]* ms, median of 3 runs'
works 'profile --json' profile "$T/a.tvis" --json --runs 5 --threads 2 --size 64x40 --plan small
json_with 'profile --json has the keys' nodes name op ms macs bytes kernel ops share total_ms peak
cp "$T/out" "$T/profile.json"
tinyvis info "$T/a.tvis" --json --layers --threads 2 --size 64x40 --plan small >"$T/info.json"
python 'the figures fit together' <<'EOF'
import json
p, i = json.load(open('profile.json')), json.load(open('info.json'))
assert abs(sum(o['share'] for o in p['ops']) - 1) < 1e-6
assert sum(n['macs'] for n in p['nodes']) == i['macs']
assert [n['name'] for n in p['nodes']] == [l['name'] for l in i['layers']]
assert all(n['ms'] >= 0 and n['bytes'] > 0 for n in p['nodes']) and p['runs'] == 5
for o in p['ops']:
    assert abs(sum(n['ms'] for n in p['nodes'] if n['op'] == o['op']) - o['ms']) < 1e-6
assert [o['ms'] for o in p['ops']] == sorted((o['ms'] for o in p['ops']), reverse=True)
assert p['total_ms'] > 0
peak = p['peak']
assert peak['bytes_per_s'] > 0 and all(v > 0 for v in peak['macs_per_s'].values())
for n in p['nodes']:
    t = n['macs'] / peak['macs_per_s'][n['precision']] if n['macs'] else 0, n['bytes'] / peak['bytes_per_s']
    assert n['bound'] == ('memory' if t[1] > t[0] else 'compute'), n
    assert n['ms'] == 0 or abs(n['of_roof'] * n['ms'] / 1e3 / max(t) - 1) < 1e-6, n
    assert n['ms'] == 0 or abs(n['macs_per_s'] * n['ms'] / 1e3 - n['macs']) <= 1e-6 * n['macs'], n
    dense = [m for m in p['nodes'] if m['op'] in ('conv2d', 'linear') and m['macs']]
    if n in dense:
        work = {k: sum(m['macs'] for m in dense if m['kernel'] == k) for k in {m['kernel'] for m in dense}}
        assert (n['note'] is None) == (work[n['kernel']] == max(work.values())), n
for o in p['ops']:
    own = [n for n in p['nodes'] if n['op'] == o['op']]
    assert o['nodes'] == len(own) and o['macs'] == sum(n['macs'] for n in own) and o['bytes'] == sum(n['bytes'] for n in own)
EOF
works 'profile with fused layers' profile "$T/a.tvis" --json --runs 2 --size 192 --plan small
json_with 'has the keys' nodes name op ms macs bytes kernel ops share total_ms
cp "$T/out" "$T/profile.json"
tinyvis info "$T/a.tvis" --json --layers --size 192 --plan small >"$T/info.json"
python 'the figures fit together' <<'EOF'
import json
p, i = json.load(open('profile.json')), json.load(open('info.json'))
assert sum(n['macs'] for n in p['nodes']) == i['macs']
assert sum(l['params'] for l in i['layers']) == i['params']
assert [n['name'] for n in p['nodes']] == [l['name'] for l in i['layers']]
assert abs(sum(o['share'] for o in p['ops']) - 1) < 1e-6
EOF
tinyvis prune "$T/a.tvis" -o "$T/pruned.tvis" --amount 0.9 >/dev/null
tinyvis quantize "$T/pruned.tvis" -o "$T/dynamic.tvis" --mode dynamic >/dev/null
works 'profile of dynamic int8' profile "$T/dynamic.tvis" --json --runs 2
cp "$T/out" "$T/profile.json"
python 'its integers have a peak of their own' <<'EOF'
import json
p = json.load(open('profile.json'))
rate = p['peak']['macs_per_s']['dynamic']
assert all(n['macs_per_s'] <= rate * 1.000001 for n in p['nodes'] if n['precision'] == 'dynamic')
EOF
works 'profile in words' profile "$T/pruned.tvis" --runs 2
says 'names the peaks' '^peaks .* GB/s, .*f32 .* GMAC/s'
fails 1 'a.tvis: .*height' profile "$T/a.tvis" --size 3
fails 2 "'--runs'" profile "$T/a.tvis" --runs 0
finish
