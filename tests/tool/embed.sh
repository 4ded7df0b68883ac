# SPDX-License-Identifier: MIT
# tinyvis embed: the source compiles without a warning, links, runs, and gives the same answer as the tool.
. tests/tool/common.inc
mkdir "$T/my models"
small_model "$T/my models/3rd-net v1.0.tvis"
model="$T/my models/3rd-net v1.0.tvis"

works 'embed' embed "$model" -o "$T/model.c"
true_that 'names come from the file' grep -q 'const size_t model_3rd_net_v1_0_blob_size = ' "$T/model.c"
works '--name' embed "$model" -o "$T/model.c" --name net
true_that 'gives the names' grep -q 'const size_t net_blob_size = ' "$T/model.c"
for op in conv2d depthwise linear global_avg_pool; do
    true_that "lists the operator $op" grep -q "^    &tvis_op_${op}_f32,\$" "$T/model.c"
done
true_that 'and not those it has no use for' test "$(grep -c '&tvis_op_\(softmax\|reshape\|batch_norm\|max_pool\)' "$T/model.c")" -eq 0
works '--target' embed "$model" -o "$T/m4.c" --name net --target cortex-m4
true_that 'lists operators with their kernels' grep -q '^    &tvis_op_conv2d_f32, /\* .* \*/$' "$T/m4.c"
true_that 'and says the flags' grep -q 'For cortex-m4: cpu flags 0x00000800' "$T/m4.c"
fails 2 "'--target'" embed "$model" -o "$T/none.c" --target cortex-m99
works 'embed again' embed "$model" --output="$T/again.c" --name net
true_that 'gives the same bytes' cmp "$T/model.c" "$T/again.c"

cat >"$T/use.c" <<'EOF'
#include <tinyvis/tinyvis.h>
#include <stdio.h>
#include <string.h>
extern const uint32_t net_blob[];
extern const size_t net_blob_size;
extern const tvis_registry net_registry;
static union { double align[8]; unsigned char bytes[4 << 20]; } memory;
int main(void)
{
    tvis_model model;
    tvis_session *s;
    tvis_session_config c;
    tvis_tensor in, out;
    size_t bytes, start = 64 - (uintptr_t)memory.bytes % 64, elements;
    tvis_session_defaults(&c);
    c.registry = &net_registry;
    if (tvis_model_open(&model, net_blob, net_blob_size, NULL) || tvis_blob_verify(&model, NULL) ||
        tvis_session_size(&model, &c, &bytes, NULL) || bytes > sizeof memory - 64 ||
        tvis_session_init(&s, &model, &c, memory.bytes + start, bytes, NULL) || tvis_session_input(s, 0, &in))
        return 1;
    elements = (size_t)in.dims[1] * (size_t)in.dims[2] * (size_t)in.dims[3];
    memset(in.data, 0, elements * sizeof(float));
    if (tvis_session_run(s, &in, NULL, NULL) || tvis_session_output(s, 0, &out))
        return 1;
    for (int i = 0; i < out.dims[3]; i++)
        printf("%.4g\n", (double)((const float *)out.data)[i]);
    return 0;
}
EOF
sanitize=${SAN:+-fsanitize=$SAN}
strict='-std=c99 -pedantic -Wall -Wextra -Wconversion -Werror'
# shellcheck disable=SC2086
{
true_that 'the source compiles without a warning' $CC $strict $sanitize -Iinclude -c "$T/model.c" -o "$T/model.o"
true_that 'a program with it links' $CC $strict $sanitize -Iinclude "$T/use.c" "$T/model.o" -o "$T/use" "$B/libtinyvis.a" -lm -lpthread
if $RUN "$T/use" >"$T/embedded.txt"; then ok 'the program runs'; else not_ok 'the program runs' "$T/embedded.txt"; fi
}
true_that 'ten logits' test "$(grep -c . "$T/embedded.txt")" -eq 10
zeros "$T/z.npy" '3, 32, 32' 3072
tinyvis run "$model" "$T/z.npy" -o "$T/out.npy" >/dev/null
python 'they are those of the tool' <<'EOF'
import struct
d = open('out.npy', 'rb').read()
want = struct.unpack('<10f', d[-40:])
got = [float(x) for x in open('embedded.txt')]
span = max(want) - min(want)
assert span > 0 and all(abs(a - b) < 1e-3 * span for a, b in zip(want, got)), (want, got)
EOF

for name in '' 1net 'a b' 'a-b' _net 'x;y'; do
    fails 2 "'--name'" embed "$model" -o "$T/none.c" --name "$name"
done
fails 1 'written over its input' embed "$model" -o "$model"
fails 1 'cannot be written' embed "$model" -o "$T/nodir/none.c"
small_model "$T/large.tvis" --size 224
works 'a model with fused layers' embed "$T/large.tvis" -o "$T/large.c"
# shellcheck disable=SC2086
true_that 'compiles without a warning' $CC $strict $sanitize -Iinclude -c "$T/large.c" -o "$T/large.o"
fails 1 'cannot be opened' embed "$T/nofile" -o "$T/none.c"
absent "$T/none.c"
finish
