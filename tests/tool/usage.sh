# SPDX-License-Identifier: MIT
# Help, version, options, exit statuses.
. tests/tool/common.inc
commands='models convert info run eval compare quantize prune optimize profile embed pack verify'

works 'tinyvis --help' --help
for c in $commands; do
    says "--help lists $c" "^  $c "
done
works 'tinyvis --version' --version
says 'a version' '^tinyvis [0-9]*\.[0-9]*\.[0-9]*$'
for c in $commands; do
    works "$c --help" "$c" --help
    says "$c --help tells its usage" "^usage: tinyvis $c "
    for o in $(grep -o -e '^ .*--[a-z]*' "$T/out" | grep -o -e '--[a-z]*$'); do
        true_that "the man page tells of $o" grep -q -e "Fl -${o#--}" "$ROOT/examples/tinyvis/tinyvis.1"
    done
    fails 2 '--help' "$c" --no-such-option
    fails 2 '--help' "$c" -Z
done

fails 2 'a command is missing'
fails 2 "'frobnicate' is not a command" frobnicate
fails 2 'something is missing' info
fails 2 'something is missing' run model.tvis
fails 2 'something is missing' compare A.tvis --images x
fails 2 "'extra' is one argument too many" models extra
fails 2 "'--json' takes no value" models --json=yes
fails 2 "'--top' needs a value" run m.tvis x --top
fails 2 "'-o' needs a value" embed m.tvis -o
for v in 0 -1 +3 3x 1000001 99999999999999999999 0x10 ' 3' 1.5; do
    fails 2 "'--top'" run m.tvis x --top "$v"
done
fails 2 'not empty' run m.tvis x -o ''
fails 2 "'--top': ''" run m.tvis x --top=
for v in 0 32x 32x0 x32 32X32 70000 32x32x3 ''; do
    fails 2 "'--size'" run m.tvis x --size="$v"
done
for v in 0 9 nan inf -1 1,5 ''; do
    fails 2 "'--width'" convert -m mobilenet_v2 --random 1 -o m.tvis --width "$v"
done
fails 2 "one of fast, small" info m.tvis --plan=quick
fails 2 "one of native, generic" info m.tvis --target vax
fails 2 "'--threads'" run m.tvis x --threads 65
fails 2 "'--images' is missing" eval m.tvis --labels x
fails 2 "'--labels' is missing" eval m.tvis --images x
fails 2 "'--images' is missing" compare a.tvis b.tvis
fails 2 "'-o' is missing" embed m.tvis
fails 1 '^tinyvis: --json: cannot be opened' info -- --json
fails 1 '^tinyvis: -x: cannot be opened' info -- -x

if [ -c /dev/full ]; then
    for c in '--help' '--version' 'models' 'models --json' 'info --help'; do
        # shellcheck disable=SC2086
        tinyvis $c >/dev/full 2>"$T/err"
        status=$?
        if [ $status -eq 1 ] && grep -q '^tinyvis: standard output: ' "$T/err"; then
            ok "tinyvis $c to a full device fails"
        else
            not_ok "tinyvis $c to a full device fails (status $status)" "$T/err"
        fi
    done
else
    skip 'no /dev/full'
fi

works 'models' models
says 'MobileNetV2 and its parameters' '^mobilenet_v2  *224x224x3  *1000  *3504872  *300774272'
works 'models --json' models --json
json_with 'models --json has the keys' name summary input classes params macs
finish
