# SPDX-License-Identifier: MIT
# tap.sh OUT COMMAND...: runs a test and keeps its TAP in OUT. Always succeeds: failures are counted by total.sh.
out=$1
shift
start=$(date +%s)
CMOCKA_MESSAGE_OUTPUT=TAP timeout "${TVT_TIMEOUT:-900}" "$@" >"$out" 2>&1 </dev/null
status=$?
if [ $status -ne 0 ] && ! grep -v '# SKIP' "$out" | grep -q '^not ok'; then
    printf '\nnot ok - ended with status %s\n' $status >>"$out"
elif ! grep -Eq '^(not )?ok|^skip' "$out"; then
    printf '\nnot ok - no test ran\n' >>"$out"
fi
echo "# seconds $(($(date +%s) - start))" >>"$out"
exit 0
