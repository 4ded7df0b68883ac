# SPDX-License-Identifier: MIT
# tinyvis quantize: half the file, nearly the same answers; what cannot be quantized is refused.
. tests/tool/common.inc
small_model "$T/m.tvis"

works 'quantize --mode fp16' quantize "$T/m.tvis" -o "$T/h.tvis" --mode fp16
says 'tells type, bytes and precision' 'fp16, .* to .* weight tensors, weights at 7[0-9]\.[0-9] dB'
says 'tells the weights by type' '^weights *f32 .* to f32 .*, f16 '
says 'tells in what layers compute' '^MACs *f16 100.0 %$'
true_that 'nothing is compared without pictures' sh -c "! grep -q '^pictures' '$T/out'"
true_that 'the file is about half' test "$(wc -c <"$T/h.tvis")" -lt $(($(wc -c <"$T/m.tvis") * 56 / 100))
works 'again' quantize --mode=fp16 --output "$T/again.h.tvis" "$T/m.tvis"
true_that 'gives the same bytes' cmp "$T/h.tvis" "$T/again.h.tvis"
works 'info of the result' info "$T/h.tvis" --json
says 'has both types' '"f16": *[1-9]'
works 'verify' verify "$T/h.tvis"
works '--json' quantize "$T/m.tvis" -o "$T/j.tvis" --mode fp16 --json
if [ -n "$PYTHON" ]; then
    true_that 'is JSON with the sizes' "$PYTHON" -c "import json, os, sys
r = json.load(open('$T/out'))
sys.exit(not (r['file_bytes'] == os.path.getsize('$T/j.tvis') and r['file_bytes_before'] == os.path.getsize('$T/m.tvis')
              and r['mode'] == 'fp16' and r['images'] == 0 and 'snr_db' not in r and r['mac_share'] == {'f16': 1} and 60 < r['worst_snr_db'] <= r['weight_snr_db']))"
else
    skip 'is JSON with the sizes (no python3)'
fi

fails 1 'quantized already' quantize "$T/h.tvis" -o "$T/x.tvis" --mode fp16
fails 2 'mode' quantize "$T/m.tvis" -o "$T/x.tvis"
mkdir "$T/pictures"
pattern() # FILE SEED: a picture that any machine draws alike
{
    awk -v seed="$2" 'BEGIN { print "P3 80 64 255"; for (i = 0; i < 80 * 64 * 3; i++) { seed = (seed * 1103 + 12345) % 65536; print seed % 256 } }' >"$1"
}
for i in 1 2 3 4; do pattern "$T/pictures/$i.ppm" $i; done
works 'quantize --mode int8' quantize "$T/m.tvis" -o "$T/i.tvis" --mode int8 --calibrate "$T/pictures" --observer minmax
says 'tells type and bytes' 'int8, .* to .* weight tensors'
true_that 'the file is under 40 %' test "$(wc -c <"$T/i.tvis")" -lt $(($(wc -c <"$T/m.tvis") * 40 / 100))
says 'tells how far outputs are from the input model' '^pictures *4, against the input model: [0-9.]* dB, the same class on [0-9.]* %$'
says 'tells the worst layers' '^worst layers *[0-9.]* dB  [a-z]'
true_that 'five of them' test "$(grep -c ' dB  [a-z]' "$T/out")" = 5
says 'tells the time' '^time *[0-9.]* s$'
works 'the same as JSON' quantize "$T/m.tvis" -o "$T/i.tvis" --mode int8 --calibrate "$T/pictures" --observer minmax --json
json_with 'has the keys' file mode file_bytes_before file_bytes weight_bytes_before weight_bytes tensors elements weight_snr_db worst worst_snr_db mac_share images snr_db cosine top1_agree worst_layers seconds
cp "$T/out" "$T/quantize.json"
works 'compare on the same pictures' compare "$T/m.tvis" "$T/i.tvis" --images "$T/pictures" --layers --json
cp "$T/out" "$T/compare.json"
python 'gives the same figures' <<'EOF'
import json
q, c = json.load(open('quantize.json')), json.load(open('compare.json'))
for key in ('images', 'snr_db', 'cosine', 'top1_agree'):
    assert q[key] == c[key], (key, q[key], c[key])
worst = sorted(((l['snr_db'], l['name']) for l in c['layers'] if l['snr_db'] is not None))[:5]
assert [(l['snr_db'], l['name']) for l in q['worst_layers']] == worst, (q['worst_layers'], worst)
assert q['mac_share'] == {'s8': 1} and q['weight_bytes']['s8'] * 4 <= sum(q['weight_bytes_before'].values())
EOF
works 'run of the result' run "$T/i.tvis" "$T/pictures/1.ppm"
works 'verify of the result' verify "$T/i.tvis"
works 'embed of the result' embed "$T/i.tvis" -o "$T/i.c"
true_that 'lists what makes int8 of floats' grep -q '&tvis_op_quantize_s8' "$T/i.c"
works 'embed --int8-input' embed "$T/i.tvis" -o "$T/i.c" --int8-input
true_that 'does not, and says what to set' sh -c "! grep -q '&tvis_op_quantize_s8' '$T/i.c' && grep -q 'int8_input = true' '$T/i.c'"
works 'info' info "$T/i.tvis" --json --plan small --size 96 --target cortex-m4
arena=$(value arena_bytes)
works 'info --int8-input' info "$T/i.tvis" --json --plan small --size 96 --target cortex-m4 --int8-input
true_that 'needs less memory' test "$(value arena_bytes)" -lt $((arena * 2 / 3))
true_that 'and is in the config' grep -q '"int8_input": true' "$T/out"
fails 1 'input: .*does not begin with making int8' info "$T/m.tvis" --int8-input
fails 1 'does not begin with making int8' embed "$T/m.tvis" -o "$T/none.c" --int8-input
true_that 'lists integer operators' grep -q '&tvis_op_conv2d_s8,' "$T/i.c"
works 'a network with tables' convert -m mobilenet_v3_small --random 3 --classes 10 --size 64 -o "$T/t.tvis"
works 'in int8' quantize "$T/t.tvis" -o "$T/ti.tvis" --mode int8 --calibrate "$T/pictures" --observer minmax
works 'embed of a network with tables' embed "$T/ti.tvis" -o "$T/t.c"
true_that 'lists operators of 16 bits' grep -q '&tvis_op_depthwise_s16,' "$T/t.c"
fails 2 'calibrate' quantize "$T/m.tvis" -o "$T/x.tvis" --mode int8

works 'quantize --mode dynamic' quantize "$T/m.tvis" -o "$T/d.tvis" --mode dynamic
says 'tells in what layers compute' '^MACs *.*dynamic [89][0-9]\.[0-9] %'
says 'tells what is kept from it' ' 17 layers, the first features.1.conv.0.0: depthwise'
true_that 'the file is under 40 %' test "$(size_of "$T/d.tvis")" -lt $(($(size_of "$T/m.tvis") * 40 / 100))
works 'verify of the result' verify "$T/d.tvis"
works 'run of the result' run "$T/d.tvis" "$T/pictures/1.ppm"
works 'embed of the result' embed "$T/d.tvis" -o "$T/d.c"
true_that 'lists dynamic operators' grep -q '&tvis_op_linear_dynamic,' "$T/d.c"
works 'compare with the input' compare "$T/m.tvis" "$T/d.tvis" --images "$T/pictures" --json
true_that 'is near' sh -c "grep -A 1 snr_db '$T/out' | grep -q '[23456][0-9]\.'"
works 'convert at a larger size' convert -m mobilenet_v2 --random 7 --classes 10 --width 0.35 --size 64 -o "$T/large.tvis"
works 'quantize --mode dynamic' quantize "$T/large.tvis" -o "$T/ld.tvis" --mode dynamic --json
cp "$T/out" "$T/large.json"
works 'info of the result' info "$T/ld.tvis" --json --layers
python 'layers of few weights and many pixels stay floats, others do not' <<'EOS'
import json
kept = {k['name'] for k in json.load(open('large.json'))['kept'] if k['why'].startswith('few weights for many pixels')}
layers = json.load(open('out'))['layers']
assert kept == {'features.0.0', 'features.1.conv.0.0', 'features.1.conv.1', 'features.2.conv.0.0'}, kept
assert layers[0]['name'] == 'features.0.0' and layers[0]['weights'] == 'f32'
assert all(l['weights'] == 's8' for l in layers if l['op'] == 'conv2d' and l['name'] not in kept)
EOS
works 'quantize --mode int4' quantize "$T/m.tvis" -o "$T/4.tvis" --mode int4
says 'tells weights by type' '^weights .* s4 '
says 'tells the k x k layer' '^kept *1 layer, the first features.0.0: a kernel of more than one pixel'
true_that 'the file is under 30 %' test "$(size_of "$T/4.tvis")" -lt $(($(size_of "$T/m.tvis") * 30 / 100))
works 'verify of the result' verify "$T/4.tvis"
works 'run of the result' run "$T/4.tvis" "$T/pictures/1.ppm"
works 'quantize --mode int4 --calibrate' quantize "$T/m.tvis" -o "$T/4c.tvis" --mode int4 --calibrate "$T/pictures"
says 'tells how far outputs are from the input model' '^pictures *4, against the input model: [0-9.]* dB'
works 'again as JSON' quantize "$T/m.tvis" -o "$T/4d.tvis" --mode int4 --calibrate "$T/pictures" --json
json_with 'has the keys' kept why snr_db worst_layers
true_that 'gives the same bytes' cmp "$T/4c.tvis" "$T/4d.tvis"
for mode in dynamic int4; do
    fails 1 'quantized already' quantize "$T/4.tvis" -o "$T/x.tvis" --mode $mode
    fails 2 'go with --mode int8' quantize "$T/m.tvis" -o "$T/x.tvis" --mode $mode --observer mse
done
fails 2 'goes with --mode int8 and int4' quantize "$T/m.tvis" -o "$T/x.tvis" --mode fp16 --calibrate "$T/pictures"
fails 1 'quantized already' quantize "$T/i.tvis" -o "$T/x.tvis" --mode int8 --calibrate "$T/pictures"
mkdir "$T/empty"
fails 1 'empty' quantize "$T/m.tvis" -o "$T/x.tvis" --mode int8 --calibrate "$T/empty"
fails 1 'empty' quantize "$T/m.tvis" -o "$T/x.tvis" --mode int4 --calibrate "$T/empty"
echo 'no picture' >"$T/pictures/5.ppm"
fails 1 '5.ppm' quantize "$T/m.tvis" -o "$T/x.tvis" --mode int8 --calibrate "$T/pictures"
fails 2 'int3' quantize "$T/m.tvis" -o "$T/x.tvis" --mode int3
fails 2 "'-o' is missing" quantize "$T/m.tvis" --mode fp16
fails 1 'over an input' quantize "$T/m.tvis" -o "$T/m.tvis" --mode fp16
fails 1 'nothing.tvis' quantize "$T/nothing.tvis" -o "$T/x.tvis" --mode fp16
fails 1 'no/such' quantize "$T/m.tvis" -o "$T/no/such/x.tvis" --mode fp16
head -c 5000 "$T/m.tvis" >"$T/cut.tvis"
fails 1 'cut.tvis' quantize "$T/cut.tvis" -o "$T/x.tvis" --mode fp16
true_that 'no file is left behind' test ! -e "$T/x.tvis"
finish
