# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++.
one() # NAME COMPILER...
{
    name=$1
    shift
    if ! command -v "$1" >/dev/null; then
        echo "ok - $name # SKIP there is no $1"
    elif "$@" -pedantic -Wall -Wextra -Wconversion -Werror -Iinclude -fsyntax-only -include "$h" /dev/null; then
        echo "ok - $name"
    else
        echo "not ok - $name"
    fi
}

for h in include/tinyvis/*.h; do
    # shellcheck disable=SC2086
    one "${h##*/} as C99" $CC -x c -std=c99
    # shellcheck disable=SC2086
    one "${h##*/} as C++" $CXX -x c++ -std=c++11
done
