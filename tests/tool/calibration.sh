# SPDX-License-Identifier: MIT
# tinyvis quantize: calibration needs little more memory than the model, however many pictures there are.
. tests/tool/common.inc
if [ -n "$RUN$SAN" ]; then
    skip 'memory is measured where programs run as they are'
    finish
fi

mkdir "$T/few" "$T/many"
for i in 1 2 3 4 5 6 7 8; do
    awk -v seed=$i 'BEGIN { print "P3 96 64 255"
        for (i = 0; i < 96 * 64 * 3; i++) { seed = (seed * 1103 + 12345) % 65536; print seed % 256 } }' >"$T/few/$i.ppm"
done
if [ "${TINYVIS_FULL:-}" = 1 ]; then
    networks='mobilenet_v2 mobilenet_v3_small resnet50' most=500
else
    networks=mobilenet_v2 most=24
fi
for i in $(seq "$most"); do
    ln "$T/few/$((i % 8 + 1)).ppm" "$T/many/$i.ppm"
done

# limited LETTER BYTES TEXT ARGUMENTS...: works within these limits of ulimit, for both what is mapped (-v) and what is written (-d)
limited()
{
    letter=$1 bytes=$2
    shift 2
    (
        ulimit "-$letter" $((bytes / 1024))
        works "$@"
        exit $failed
    ) || failed=1
}

for network in $networks; do
    tinyvis convert -m "$network" --random 3 -o "$T/m.tvis" >/dev/null
    model=$(size_of "$T/m.tvis")
    limited d $((model + 64000000)) "$network with $most pictures in 64 MB more than the model" \
        quantize "$T/m.tvis" -o "$T/q.tvis" --mode int8 --calibrate "$T/many"
    limited d $((model + 64000000)) "$network with 8 pictures and a histogram in 64 MB more than the model" \
        quantize "$T/m.tvis" -o "$T/q.tvis" --mode int8 --calibrate "$T/few" --observer entropy
    limited d $((model + 64000000)) "$network in 4 bits with 8 pictures in 64 MB more than the model" \
        quantize "$T/m.tvis" -o "$T/q.tvis" --mode int4 --calibrate "$T/few"
done
tinyvis convert -m mobilenet_v2 --random 3 -o "$T/m.tvis" >/dev/null
model=$(size_of "$T/m.tvis")
limited v $((model + 64000000)) 'with the model itself and the libraries' \
    quantize "$T/m.tvis" -o "$T/q.tvis" --mode int8 --calibrate "$T/few"
if (ulimit -d 8000 && tinyvis quantize "$T/m.tvis" -o "$T/q.tvis" --mode int8 --calibrate "$T/few" >/dev/null 2>&1); then
    not_ok 'the limit limits'
else
    ok 'the limit limits'
fi
finish
