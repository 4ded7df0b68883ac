# SPDX-License-Identifier: MIT
# all.sh STAGE...: runs `make STAGE` for each, and adds up. A stage that cannot be built counts as one failure.
passed=0 failed=0 skipped=0 bad=
for stage; do
    rm -f build/*/tests/total
    echo "== $stage"
    start=$(date +%s)
    status=0
    $MAKE "$stage" || status=1
    now=$failed
    for f in build/*/tests/total; do
        [ -e "$f" ] || continue
        read -r p _ x _ s _ <"$f"
        passed=$((passed + p)) failed=$((failed + x)) skipped=$((skipped + s))
    done
    [ $status = 1 ] && [ "$now" = "$failed" ] && failed=$((failed + 1))
    [ "$now" = "$failed" ] || bad="$bad $stage"
    echo "== $stage: $(($(date +%s) - start)) s"
done
[ -z "$bad" ] || echo "failed in:$bad"
echo "$passed passed, $failed failed, $skipped skipped" | tee build/total
[ $failed = 0 ]
