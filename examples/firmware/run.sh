# SPDX-License-Identifier: MIT
# run.sh CPU B [IMAGE]: runs the images that make.sh made in B, or one of them, in qemu-system-arm.
set -u
case $1 in
cortex-m0plus) board=mps2-an385 ;; # a Cortex-M3, which runs code of the M0+
cortex-m4) board=mps2-an386 ;;
cortex-m7) board=mps2-an500 ;;
*) echo "run.sh: no board with a $1" >&2; exit 2 ;;
esac
if ! command -v qemu-system-arm >/dev/null; then
    echo "run.sh: qemu-system-arm is missing (apt-get install qemu-system-arm)" >&2
    exit 2
fi
status=0
for image in "$2"/images/${3:-*}.elf; do
    [ -f "$image" ] || continue
    echo "== $(basename "$image" .elf) on $board"
    qemu-system-arm -M $board -display none -monitor none -serial none -icount shift=0 \
        -semihosting-config enable=on,target=native -kernel "$image" || status=1
done
exit $status
