# SPDX-License-Identifier: MIT
# deps.sh cmocka COMPILER: CMocka for the compiler's target, and pkg-config.
# deps.sh all: installs what test-all needs, on Debian and its relatives.
set -eu

install() # PACKAGE...
{
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -qq update || echo "continuing with the lists of packages that are here" >&2
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/dev/null
    else
        echo "the tests need packages that are not here; install them with" >&2
        echo "    ${before:+$before }apt-get update && apt-get install $*" >&2
        exit 1
    fi
}

foreign() # ARCHITECTURE...: lets dpkg install libraries of other processors
{
    for a in "$@"; do
        dpkg --print-foreign-architectures | grep -qx "$a" || { [ "$(id -u)" = 0 ] && dpkg --add-architecture "$a"; } ||
            before="dpkg --add-architecture $a &&$before"
    done
}

before=
case $1 in
cmocka)
    command -v pkg-config >/dev/null || install pkg-config
    if echo 'int main(void) { return 0; }' | $2 -x c - -o /dev/null -lcmocka 2>/dev/null; then
        exit 0
    fi
    case $($2 -dumpmachine) in
    arm-linux-gnueabi) foreign armel; install libcmocka-dev:armel ;;
    aarch64-linux-gnu) [ "$(dpkg --print-architecture)" = arm64 ] || { foreign arm64; a=:arm64; }
        install "libcmocka-dev${a-}" ;;
    i?86-linux-gnu) foreign i386; install libcmocka-dev:i386 ;;
    *) install libcmocka-dev ;;
    esac
    ;;
all)
    missing=
    probe() # COMMAND PACKAGE...: the packages are missing when the command fails
    {
        sh -c "$1" >/dev/null 2>&1 </dev/null && return
        shift
        missing="$missing $*"
    }
    empty='-x c /dev/null -shared -fPIC -o /dev/null'
    probe 'gcc --version && g++ --version && pkg-config --version' gcc g++ pkg-config
    probe "gcc $empty -lcmocka" libcmocka-dev
    probe 'pkg-config --exists libjpeg libpng' libjpeg-dev libpng-dev
    probe "clang -fsanitize=address $empty && echo 'int LLVMFuzzerTestOneInput(void){return 0;}' |
        clang -fsanitize=fuzzer -x c - -o /dev/null" clang libclang-rt-dev
    probe 'qemu-arm --version && qemu-aarch64 --version' qemu-user
    probe "arm-linux-gnueabi-gcc $empty" gcc-arm-linux-gnueabi libc6-dev-armel-cross
    probe "arm-linux-gnueabi-gcc $empty -lcmocka" libcmocka-dev:armel
    probe "aarch64-linux-gnu-gcc $empty" gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    probe "aarch64-linux-gnu-gcc $empty -lcmocka" libcmocka-dev:arm64
    probe 'arm-none-eabi-gcc --version' gcc-arm-none-eabi
    probe 'qemu-system-arm --version' qemu-system-arm
    [ -z "$missing" ] && exit 0
    foreign armel arm64
    # shellcheck disable=SC2086
    install $missing
    ;;
esac
