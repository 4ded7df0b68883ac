# SPDX-License-Identifier: MIT
# tinyvis prune: as many zeros as were asked for, a file that shrinks, answers that stay near; what is refused.
. tests/tool/common.inc
small_model "$T/m.tvis"
size() { wc -c <"$1"; }

works 'prune' prune "$T/m.tvis" -o "$T/p.tvis" --amount 0.7
says 'tells each layer' '^features\.0\.0 .*%'
says 'tells the sizes' 'magnitude, .* to .* %'
says 'tells the share' '^left out *70\.0[0-9] % of .* weights in 53 layers$'
true_that 'the file is under 40 %' test "$(size "$T/p.tvis")" -lt $(($(size "$T/m.tvis") * 40 / 100))
works 'again' prune --amount=0.7 --output "$T/again.tvis" "$T/m.tvis"
true_that 'gives the same bytes' cmp "$T/p.tvis" "$T/again.tvis"
works 'verify of the result' verify "$T/p.tvis"
works 'info of the result' info "$T/p.tvis" --json --layers
cp "$T/out" "$T/info.json"
works 'info of the plain model' info "$T/m.tvis" --json
cp "$T/out" "$T/plain.json"
works '--json' prune "$T/m.tvis" -o "$T/j.tvis" --amount 0.7 --json
cp "$T/out" "$T/prune.json"
json_with 'has the keys' file method file_bytes_before file_bytes params_before params nonzero_params macs_before macs pruned_weights zeros sparsity layers images seconds
python 'numbers agree with those of info' <<'EOS'
import json, os
p, i, plain = (json.load(open(f)) for f in ('prune.json', 'info.json', 'plain.json'))
assert p['file_bytes'] == os.path.getsize('j.tvis') == i['file_bytes'] and p['file_bytes_before'] == os.path.getsize('m.tvis')
assert abs(p['sparsity'] - 0.7) < 1e-5 and len(p['layers']) == 53 and p['images'] == 0
assert p['params'] == i['params'] == plain['params'] and p['nonzero_params'] == i['nonzero_params']
assert p['nonzero_params'] <= plain['nonzero_params'] - p['zeros']
assert sum(l['zeros'] for l in p['layers']) == p['zeros'] == round(0.7 * p['pruned_weights'])
assert i['macs'] == plain['macs'] == p['macs'] and 0.6 < i['sparsity'] < 0.7
EOS

works 'fp16 of the result' quantize "$T/p.tvis" -o "$T/h.tvis" --mode fp16
true_that 'its file is under 24 %' test "$(size "$T/h.tvis")" -lt $(($(size "$T/m.tvis") * 24 / 100))
works '--scope layer' prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --scope layer --worth l1 --json
python 'every layer has its share' <<'EOS'
import json
for l in json.load(open('out'))['layers']:
    assert abs(l['zeros'] - 0.3 * l['weights']) <= 0.5, l
EOS
rm "$T/x.tvis"
works '--pattern 2:4' prune "$T/m.tvis" -o "$T/n.tvis" --pattern 2:4
works '--modules' prune "$T/m.tvis" -o "$T/c.tvis" --amount 0.9 --modules 'classifier.*,*.conv.2'
says 'tells of these only' '^classifier\.1 .*%'
true_that 'and of no other' test "$(grep -c '^features.*conv\.0\.0' "$T/out")" = 0

mkdir "$T/pictures"
for i in 1 2 3 4; do
    awk -v seed=$i 'BEGIN { print "P3 80 64 255"; for (i = 0; i < 80 * 64 * 3; i++) { seed = (seed * 1103 + 12345) % 65536; print seed % 256 } }' >"$T/pictures/$i.ppm"
done
works '--calibrate' prune "$T/m.tvis" -o "$T/f.tvis" --amount 0.4 --modules 'features.17.conv.2,classifier.1' --calibrate "$T/pictures"
says 'leaves out exactly the share, by measurement' '^left out *40\.00 % of .* weights in 2 layers$'
says 'tells how far outputs are from the input model' '^pictures *4, against the input model: [-0-9.]* dB, the same class on [0-9.]* %$'
works 'the result runs' run "$T/f.tvis" "$T/pictures/1.ppm"

works '--method channel' prune "$T/m.tvis" -o "$T/s.tvis" --method channel --target-macs 0.7 --json
cp "$T/out" "$T/channel.json"
works 'info of the result' info "$T/s.tvis" --json
cp "$T/out" "$T/info.json"
python 'an ordinary model within the budget' <<'EOS'
import json, os
p, i = json.load(open('channel.json')), json.load(open('info.json'))
assert p['macs'] == i['macs'] and 0.66 * p['macs_before'] < p['macs'] <= 0.7 * p['macs_before']
assert p['params'] == i['params'] < p['params_before'] and i['sparsity'] < 0.05
assert any(l['kept'] < l['channels'] for l in p['layers']) and p['layers'][-1]['kept'] == p['layers'][-1]['channels']
EOS
works 'fp16 of the result' quantize "$T/s.tvis" -o "$T/sh.tvis" --mode fp16
works 'run of the result' run "$T/sh.tvis" "$T/pictures/1.ppm"
works '--method lowrank' prune "$T/m.tvis" -o "$T/l.tvis" --method lowrank --target-macs 0.8 --calibrate "$T/pictures" --json
cp "$T/out" "$T/lowrank.json"
works 'info of the result' info "$T/l.tvis" --json --layers
cp "$T/out" "$T/info.json"
python 'two layers for one, within the budget' <<'EOS'
import json
p, i = json.load(open('lowrank.json')), json.load(open('info.json'))
assert p['macs'] == i['macs'] <= 0.8 * p['macs_before'] and p['params'] == i['params']
split = [l for l in p['layers'] if l['kept'] < l['channels']]
assert split and all(l['zeros'] > 0 for l in split)
EOS
works '--target-size' prune "$T/m.tvis" -o "$T/z.tvis" --method channel --target-size 0.6
true_that 'the file is as small as that' test "$(size "$T/z.tvis")" -le $(($(size "$T/m.tvis") * 60 / 100))
true_that 'and not much smaller' test "$(size "$T/z.tvis")" -ge $(($(size "$T/m.tvis") * 55 / 100))
works 'of a sparse one' prune "$T/m.tvis" -o "$T/z.tvis" --target-size 0.5
true_that 'the file is as small as that' test "$(size "$T/z.tvis")" -le $(($(size "$T/m.tvis") / 2))
works '--target-latency' prune "$T/m.tvis" -o "$T/z.tvis" --method channel --target-latency 1
works '--amount 0' prune "$T/m.tvis" -o "$T/z.tvis" --amount 0
says 'leaves nothing out' '^left out *0\.00 % of .* weights in 53 layers$'
works 'fp16 of the result' quantize "$T/l.tvis" -o "$T/lh.tvis" --mode fp16
works 'run of the result' run "$T/lh.tvis" "$T/pictures/1.ppm"
works '--rank-energy' prune "$T/m.tvis" -o "$T/l.tvis" --method lowrank --rank-energy 0.9
fails 2 "'--scope measured' needs '--calibrate'" prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --scope measured
fails 1 'scope' prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --scope measured --worth l1 --calibrate "$T/pictures"
fails 2 "goes with '--method lowrank'" prune "$T/m.tvis" -o "$T/x.tvis" --rank-energy 0.9
fails 2 "goes with '--method lowrank'" prune "$T/m.tvis" -o "$T/x.tvis" --method lowrank --amount 0.1 --rank-energy 0.9
fails 1 'can save' prune "$T/m.tvis" -o "$T/x.tvis" --method lowrank --amount 0.999
fails 2 "goes with '--method channel'" prune "$T/m.tvis" -o "$T/x.tvis" --target-macs 0.7
fails 2 'takes the place of' prune "$T/m.tvis" -o "$T/x.tvis" --method channel --target-macs 0.7 --amount 0.3
fails 1 'can be left out' prune "$T/m.tvis" -o "$T/x.tvis" --method channel --target-macs 0.001
fails 1 'per cent of the file' prune "$T/m.tvis" -o "$T/x.tvis" --method channel --target-size 0.001
fails 1 'per cent of the time' prune "$T/m.tvis" -o "$T/x.tvis" --method channel --target-latency 0.0001
fails 2 'take the place of' prune "$T/m.tvis" -o "$T/x.tvis" --target-size 0.5 --amount 0.3
fails 2 'target-size' prune "$T/m.tvis" -o "$T/x.tvis" --target-size 0
fails 2 "'-o' is missing" prune "$T/m.tvis" --amount 0.3
fails 2 "'--amount' is missing" prune "$T/m.tvis" -o "$T/x.tvis"
fails 2 'below 1' prune "$T/m.tvis" -o "$T/x.tvis" --amount 1
fails 2 'amount' prune "$T/m.tvis" -o "$T/x.tvis" --amount -0.1
fails 2 'amount' prune "$T/m.tvis" -o "$T/x.tvis" --amount 30
fails 1 'amount' prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --pattern 2:4
fails 1 'nobody' prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --modules 'nobody*'
fails 1 'pruned already' prune "$T/p.tvis" -o "$T/x.tvis" --amount 0.3
works 'halves of the plain model' quantize "$T/m.tvis" -o "$T/q.tvis" --mode fp16
fails 1 'prune first' prune "$T/q.tvis" -o "$T/x.tvis" --amount 0.3
fails 1 'over an input' prune "$T/m.tvis" -o "$T/m.tvis" --amount 0.3
fails 1 'nothing.tvis' prune "$T/nothing.tvis" -o "$T/x.tvis" --amount 0.3
fails 1 'no/such' prune "$T/m.tvis" -o "$T/no/such/x.tvis" --amount 0.3
mkdir "$T/empty"
fails 1 'empty' prune "$T/m.tvis" -o "$T/x.tvis" --amount 0.3 --calibrate "$T/empty"
true_that 'no file is left behind' test ! -e "$T/x.tvis"
finish
