# SPDX-License-Identifier: MIT
# tinyvis info and verify.
. tests/tool/common.inc
small_model "$T/m.tvis"

works 'info' info "$T/m.tvis"
says 'the architecture' '^model  *mobilenet_v2'
says 'the arena' '^arena  *[0-9]* bytes: state [0-9]*, activations [0-9]*, scratch [0-9]*$'
says 'the arena of the other plan' '^ *[0-9]* bytes with plan small$'
works 'info --plan small' info "$T/m.tvis" --plan small
says 'the arena of the other plan' '^ *[0-9]* bytes with plan fast$'
works 'info --layers' info --layers "$T/m.tvis"
says 'a layer' '^features.0.0  *conv2d  *1x32x32x3  *1x16x16x16'

works 'info --json' info "$T/m.tvis" --json
keys='arch input classes params nonzero_params macs file_bytes weight_bytes mac_share sparsity arena_bytes pack_bytes state_bytes config preprocess'
# shellcheck disable=SC2086
json_with 'info --json has the keys' $keys
true_that 'input is N H W C' grep -q '"input": \[1, 32, 32, 3\]' "$T/out"
true_that 'classes' test "$(value classes)" = 10
true_that 'file_bytes' test "$(value file_bytes)" = "$(size_of "$T/m.tvis")"
arena=$(value arena_bytes) macs=$(value macs)
works 'info --layers --json' info "$T/m.tvis" --json --layers
# shellcheck disable=SC2086
json_with 'the layers have the keys' $keys layers name op in out params macs dtype weights precision sparsity kernel
cp "$T/out" "$T/layers.json"
python 'the layers add up' <<'EOF'
import json
d = json.load(open('layers.json'))
assert sum(l['macs'] for l in d['layers']) == d['macs'], d['macs']
assert sum(l['params'] for l in d['layers']) == d['params'], d['params']
assert sum(d['weight_bytes'].values()) == 4 * d['params']
assert 0 <= d['sparsity'] < 0.2 and d['nonzero_params'] <= d['params']
assert d['config']['plan'] == 'fast' and d['config']['threads'] == 1
assert d['mac_share'] == {'f32': 1} and {l['precision'] for l in d['layers']} == {'f32'}
assert d['preprocess']['mean'] and len(d['preprocess']['std']) == 3
EOF

works '--batch' info "$T/m.tvis" --json --batch 3
true_that 'three times the MACs' test "$(value macs)" = $((macs * 3))
true_that 'input has N = 3' grep -q '"input": \[3, 32, 32, 3\]' "$T/out"
works '--size' info "$T/m.tvis" --json --size 64x96
true_that 'is the input' grep -q '"input": \[1, 64, 96, 3\]' "$T/out"
true_that 'needs a larger arena' test "$(value arena_bytes)" -gt "$arena"
works '--threads' info "$T/m.tvis" --json --threads 4
true_that 'is in the config' grep -q '"threads": 4' "$T/out"
works '--plan small' info "$T/m.tvis" --json --plan small
true_that 'needs no larger arena' test "$(value arena_bytes)" -le "$arena"
for target in native generic armv6 armv7 aarch64 avx2 avx512 cortex-m cortex-m4 cortex-m7; do
    works "--target $target" info "$T/m.tvis" --json --target $target
    true_that "is in the config" grep -q "\"target\": \"$target\"" "$T/out"
    true_that 'has an arena' test "$(value arena_bytes)" -gt 0
done
fails 1 'm.tvis: .*height' info "$T/m.tvis" --size 1

works 'verify' verify "$T/m.tvis"
says 'says ok' ': ok: [0-9]* weight tensors'
works 'verify --json' verify --json "$T/m.tvis"
json_with 'verify --json has the keys' ok weights output_crc bit_exact
crc=$(value output_crc)
works 'verify again' verify --json "$T/m.tvis"
true_that 'gives the same checksum' test "$(value output_crc)" = "$crc"
fails 1 'nofile: cannot be opened' info "$T/nofile"
fails 1 "$T: cannot be read: Is a directory" verify "$T"
finish
