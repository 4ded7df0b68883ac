# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++.
for h in include/tinyvis/*.h; do
    for how in "$CC -x c -std=c99" "$CXX -x c++ -std=c++11"; do
        if $how -pedantic -Wall -Wextra -Wconversion -Werror -Iinclude -fsyntax-only -include "$h" /dev/null; then
            echo "ok - ${h##*/} with $how"
        else
            echo "not ok - ${h##*/} with $how"
        fi
    done
done
