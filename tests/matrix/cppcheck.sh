# SPDX-License-Identifier: MIT
# cppcheck over the library and the programs; cppcheck.txt has what it is wrong about.
if cppcheck -q --std=c99 --enable=warning,portability --error-exitcode=1 --suppress=missingIncludeSystem \
    --suppressions-list=tests/matrix/cppcheck.txt -D__x86_64__ -Iinclude -Isrc -I. src examples; then
    echo 'ok - cppcheck over src and examples'
else
    echo 'not ok - cppcheck'
fi
