# SPDX-License-Identifier: MIT
# tinyvis pack: the same answers from weights in the order of a processor's kernels, and plain refusals elsewhere.
. tests/tool/common.inc
mkdir "$T/pictures"
for i in 1 2 3 4; do
    awk -v seed=$i 'BEGIN { print "P3 48 40 255"; for (i = 0; i < 48 * 40 * 3; i++) { seed = (seed * 1103 + 12345) % 65536; print seed % 256 } }' >"$T/pictures/$i.ppm"
done

crc() # FILE
{
    tinyvis verify "$1" --json | sed -n 's/.*"output_crc": "\([0-9a-f]*\)".*/\1/p'
}

# In an emulator these take minutes.
targets='native generic armv6 armv7 aarch64 avx2 avx512 cortex-m'
nets='mobilenet_v2 superpoint resnet20_cifar10'
[ -z "$RUN" ] || { targets='native armv6 aarch64 avx2' nets=mobilenet_v2; }
for name in $nets; do
    net="$name --size 32"
    [ $name != mobilenet_v2 ] || net="$name --size 64 --width 0.35"
    # shellcheck disable=SC2086
    works "$name" convert -m $net --random 3 -o "$T/m.tvis"
    works 'int8' quantize "$T/m.tvis" -o "$T/m8.tvis" --mode int8 --calibrate "$T/pictures" --observer minmax
    works 'dynamic' quantize "$T/m.tvis" -o "$T/md.tvis" --mode dynamic
    for model in m m8 md; do
        for target in $targets; do
            works "pack $model for $target" pack "$T/$model.tvis" --target $target -o "$T/$target.tvis" --json
            packed=$(value packed_tensors)
            works "info of it" info "$T/$target.tvis" --json
            if [ "$packed" -gt 0 ]; then
                works "info for $target" info "$T/$target.tvis" --target $target --json
                cp "$T/out" "$T/packed.json"
                tinyvis info "$T/$model.tvis" --target $target --json >"$T/plain.json"
                true_that 'the same parameters, layers and arena' test "$(grep -E '"(params|nonzero_params|macs|arena_bytes)"' "$T/packed.json")" = \
                    "$(grep -E '"(params|nonzero_params|macs|arena_bytes)"' "$T/plain.json")"
                cp "$T/packed.json" "$T/out"
                true_that 'less to pack at start' test "$(value pack_bytes)" -lt "$(sed -n 's/.*"pack_bytes": \([0-9]*\).*/\1/p' "$T/plain.json")"
            fi
        done
        if [ "$name $model" = 'resnet20_cifar10 m8' ]; then
            for kernel in armv6:f2_armv6 aarch64:f2_neon; do
                works "layers for ${kernel%:*}" info "$T/${kernel%:*}.tvis" --target "${kernel%:*}" --layers
                true_that 'Winograd, though its kernels are not here' grep -q "${kernel#*:}" "$T/out"
            done
        fi
        true_that "$model gives the same outputs" test "$(crc "$T/native.tvis")" = "$(crc "$T/$model.tvis")"
        # Packed for another processor: it runs, in integers to the same outputs, or it is plainly refused.
        for target in $targets; do
            if tinyvis verify "$T/$target.tvis" >"$T/out" 2>"$T/err"; then
                true_that "packed for $target, too" test $model != m8 -o "$(crc "$T/$target.tvis")" = "$(crc "$T/$model.tvis")"
            else
                true_that "packed for $target: refused" grep -q 'packed for another processor' "$T/err"
            fi
        done
    done
done

small_model "$T/s.tvis"
works 'pack' pack "$T/s.tvis" --target avx2 -o "$T/p.tvis"
says 'says how much' 'tensors of weights packed for avx2'
works 'once more' pack "$T/s.tvis" --target avx2 -o "$T/q.tvis"
true_that 'gives the same bytes' cmp "$T/p.tvis" "$T/q.tvis"
works 'halves' quantize "$T/s.tvis" -o "$T/h.tvis" --mode fp16
works 'stay as they are' pack "$T/h.tvis" --target avx2 -o "$T/hp.tvis"
says 'and it says so' 'nothing to pack'
true_that 'byte for byte' cmp "$T/h.tvis" "$T/hp.tvis"
fails 1 'from plain ones' pack "$T/p.tvis" --target avx512 -o "$T/x.tvis"
fails 1 'from plain ones' quantize "$T/p.tvis" --mode fp16 -o "$T/x.tvis"
fails 1 'from plain ones' prune "$T/p.tvis" --amount 0.3 -o "$T/x.tvis"
fails 2 "'--target' is missing" pack "$T/s.tvis" -o "$T/x.tvis"
fails 2 "'-o' is missing" pack "$T/s.tvis" --target avx2
fails 2 'target' pack "$T/s.tvis" --target z80 -o "$T/x.tvis"
fails 1 'written over' pack "$T/s.tvis" --target avx2 -o "$T/s.tvis"
fails 1 'cannot be opened' pack "$T/none.tvis" --target avx2 -o "$T/x.tvis"
true_that 'nothing was written' test ! -e "$T/x.tvis"
finish
