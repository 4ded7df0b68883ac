# SPDX-License-Identifier: MIT
# A C and a C++ program, built against an installed library through pkg-config alone, static and shared.
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
. tests/build/empty.inc

# Not in the environment: make asks pkg-config too.
kit() # OPTION...: what pkg-config knows of tinyvis in $where
{
    PKG_CONFIG_LIBDIR=$where/opt/tinyvis/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$where pkg-config "$@" tinyvis
}

install_to() # DESTDIR VARIABLE...: quiet unless it fails
{
    where=$1
    shift
    mkdir "$where"
    if ! $MAKE --no-print-directory CC="$MAKE_CC" install DESTDIR="$where" PREFIX=/opt/tinyvis "$@" >"$root/log" 2>&1; then
        sed 's/^/# /' "$root/log"
        echo "not ok - make install $*"
        exit 1
    fi
    echo "ok - make install $*"
}

build_and_run() # NAME LANGUAGE SOURCE COMPILER...
{
    local name=$1 language=$2 source=$3
    shift 3
    if ! command -v "$1" >/dev/null; then
        echo "ok - $name # SKIP there is no $1"
        return
    fi
    # shellcheck disable=SC2046
    if "$@" -x "$language" ${SAN:+-fsanitize=$SAN} $(kit --cflags) "$source" -x none -o "$root/program" \
        $(kit --libs $how) && $RUN "$root/program"; then
        echo "ok - $name"
    else
        echo "not ok - $name"
    fi
}

how=--static
install_to "$root/static"
for f in include/tinyvis/*.h; do
    cmp "$f" "$root/static/opt/tinyvis/$f" 2>&1
done | empty "all headers are installed"
for f in models/*.tvis; do
    cmp "$f" "$root/static/opt/tinyvis/share/tinyvis/${f##*/}" 2>&1
done | empty "all models are installed"
# shellcheck disable=SC2086
build_and_run "a C program with the static library" c tests/consumer/program.c $CC -std=c99
# shellcheck disable=SC2086
build_and_run "a C++ program with the static library" c++ tests/consumer/program.cpp $CXX -std=c++11

if [ -n "$SAN$RUN" ]; then
    echo "ok - the shared library # SKIP tested on this machine, without sanitizers"
    exit
fi
how=
install_to "$root/shared" SHARED=1
export LD_LIBRARY_PATH=$root/shared/opt/tinyvis/lib
# shellcheck disable=SC2086
build_and_run "a C program with the shared library" c tests/consumer/program.c $CC -std=c99
readelf -d "$root/program" | grep -q 'NEEDED.*\[libtinyvis\.so\.[0-9]*\]' || echo "libtinyvis.so" | empty "it is linked by soname"

$NM -D --defined-only "$LD_LIBRARY_PATH/libtinyvis.so" | awk '{ print $3 }' | grep '^[a-z]' | sort >"$root/exported"
# Declarations, one a line, without comments; of functions and of objects, of which one may declare several.
sed '/^#/d; s://.*::' include/tinyvis/*.h | tr '\n' ' ' | sed 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/::g' | tr ';' '\n' |
    sed -n 's/.*TVIS_API//p' | sed 's/(.*//' | tr ',' '\n' | grep -o 'tvis_[a-z0-9_]* *$' | tr -d ' ' | sort >"$root/declared"
[ "$(wc -l <"$root/declared")" -gt 20 ] || echo "few declarations" | empty "the headers could be read"
comm -23 "$root/declared" "$root/exported" | empty "it exports everything that the headers declare"
comm -13 "$root/declared" "$root/exported" | empty "it exports nothing else"

$MAKE --no-print-directory CC="$MAKE_CC" uninstall DESTDIR="$root/shared" PREFIX=/opt/tinyvis >/dev/null
find "$root/shared" ! -type d | empty "uninstall leaves no file"
exit $failures
