# SPDX-License-Identifier: MIT
# The images of examples/firmware: they link, their code is small, and in qemu-system-arm they say what the same programs
# say on this computer: classes, points, checksums of the outputs.
limit=40960 # code and constants without the model, of a board that runs an int8 MobileNetV2 and nothing else
tool=build/native/tinyvis
cpu=$FIRMWARE_CPU
if [ ! -x "$tool" ]; then
    echo "ok - images # SKIP $tool is not built"
    exit 0
fi
export TINYVIS=$tool ARCH CROSS
check() # WHAT COMMAND...
{
    what=$1
    shift
    if "$@"; then echo "ok - $what"; else echo "not ok - $what"; fi
}
check "images for $cpu link" sh examples/firmware/make.sh "$cpu" "$B" || exit 1

blob=$(stat -c %s build/firmware/models/mobilenet_v2.tvis)
code=$($SIZE "$B/images/smallest.elf" | awk -v blob="$blob" 'NR == 2 { print $1 - blob }')
echo "# code and constants without the model: mobilenet_v2 alone $code bytes"
for name in mobilenet_v2 mobilenet_v1 keypoints; do
    model=$name
    [ $name = keypoints ] && model=superpoint
    size=$($SIZE "$B/images/$name.elf" | awk -v blob="$(stat -c %s build/firmware/models/$model.tvis)" 'NR == 2 { print $1 - blob - 12288 }')
    echo "# with pre-processing and report: $name $size bytes"
done
check "code of an int8 MobileNetV2 is $code bytes, $limit allowed" test "$code" -le $limit
check 'no kernel of another operator, or of another size, is linked' \
    sh -c "! ${CROSS}nm '$B/images/smallest.elf' | grep -E 'tvis_(dw5|gemm_f32|depthwise_f32|attention|layer_norm|homography|keypoints|preprocess)'"

if ! command -v qemu-system-arm >/dev/null; then
    echo "ok - images run as on this computer # SKIP qemu-system-arm is missing"
    exit 0
fi
CC=cc sh examples/firmware/make.sh host build/native || exit 1
for name in mobilenet_v2 mobilenet_v1 keypoints smallest; do
    timeout 300 sh examples/firmware/run.sh "$cpu" "$B" $name >"$B/images/$name.txt" 2>&1
    check "$name ends well" test $? -eq 0
    build/native/images/$name >"build/native/images/$name.txt"
    sed 's/^/# /' "$B/images/$name.txt"
    # the arena depends on the processor; tinyvis info knows both
    for side in "$B" build/native; do
        grep -v '^#\|^==' "$side/images/$name.txt" | sed 's/arena [0-9]*/arena/' | tr -d '\r' >"$side/images/$name.cmp"
    done
    check "$name says what it says here" cmp "$B/images/$name.cmp" "build/native/images/$name.cmp"
done
target=$cpu
[ "$cpu" = cortex-m0plus ] && target=cortex-m
arena=$($tool info build/firmware/models/mobilenet_v2.tvis --target "$target" --plan small --int8-input --json | sed -n 's/.*"arena_bytes": *\([0-9]*\).*/\1/p')
check "arena is what 'tinyvis info --target $target' says, $arena bytes" grep -q "arena $arena bytes" "$B/images/mobilenet_v2.txt"
check "which is at most 65536 bytes, with the picture" test "${arena:-99999}" -le 65536
[ -f "$B/images/tasks.elf" ] || exit 0
timeout 300 sh examples/firmware/run.sh "$cpu" "$B" tasks >"$B/images/tasks.txt" 2>&1
check 'tasks end well' test $? -eq 0
sed 's/^/# /' "$B/images/tasks.txt"
check 'the task has the outputs of the classifier' test "$(grep outputs "$B/images/tasks.txt")" = "$(grep outputs "$B/images/mobilenet_v2.txt")"
used=$(sed -n 's/^stack of the inference: \([0-9]*\) bytes.*/\1/p' "$B/images/tasks.txt")
check "its stack took $used bytes, 4096 and its own allowed" test "${used:-9999}" -le 4608
