# SPDX-License-Identifier: MIT
# The deepest stack of each public function, from what the compiler says of each function (-fcallgraph-info=su), of
# assembly what its pushes and subtractions say, and of pointers to functions what stack.awk knows.
limit=4096
graphs=$(find "$B/src" -name '*.ci')
if [ -z "$graphs" ]; then
    echo "ok - the deepest stack # SKIP the library was not built by 'make firmware'"
    exit 0
fi
# shellcheck disable=SC2086
public=$(sed -n 's/.*[ *]\(tvis_[a-z0-9_]*\)(.*/\1/p' include/tinyvis/*.h | sort -u | tr '\n' ' ')
# shellcheck disable=SC2086
awk -v public="$public" -v limit=$limit -f tests/firmware/stack.awk src/core/*.S src/ops/*_armv6.S $graphs
