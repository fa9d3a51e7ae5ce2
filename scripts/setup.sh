#!/usr/bin/env bash
# Checks for what a build needs beyond Rust, make and a C compiler, and installs what is missing where that can be done
# without asking: as root, with apt-get. Otherwise it names the one command to run. Where nothing is missing it does
# nothing and says nothing.
#
# The local engine compiles llama.cpp: cmake and a C++ compiler build it, and its bindings are made by bindgen, which
# loads libclang and needs clang's own headers (stddef.h and the like) with it.
set -euo pipefail
shopt -s nullglob

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$1"
    [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Where bindgen looks for libclang on Linux, in its order of preference.
libclang_directories() {
    if [ -n "${LIBCLANG_PATH:-}" ]; then
        if [ -f "$LIBCLANG_PATH" ]; then dirname "$LIBCLANG_PATH"; else printf '%s\n' "$LIBCLANG_PATH"; fi
    fi
    if have "${LLVM_CONFIG_PATH:-llvm-config}"; then "${LLVM_CONFIG_PATH:-llvm-config}" --libdir 2>/dev/null || true; fi
    printf '%s\n' /usr/local/llvm*/lib* /usr/local/lib*/*/* /usr/local/lib*/* /usr/local/lib* \
        /usr/lib*/*/* /usr/lib*/* /usr/lib*
}

have_libclang() {
    local directory file
    while IFS= read -r directory; do
        for file in "$directory"/libclang.so "$directory"/libclang.so.* "$directory"/libclang-*.so "$directory"/libclang-*.so.*; do
            # libclang-cpp is the C++ interface; bindgen needs the C one.
            case "$file" in */libclang-cpp*) continue ;; esac
            [ ! -e "$file" ] || return 0
        done
    done < <(libclang_directories)
    return 1
}

# The headers come with the clang program; without it, with the library, beside which libclang then looks for them.
have_clang_headers() {
    local headers
    if have clang; then
        headers="$(clang -print-resource-dir 2>/dev/null || true)/include/stddef.h"
        [ -f "$headers" ] && return 0
    fi
    for headers in /usr/lib/clang/*/include/stddef.h /usr/lib64/clang/*/include/stddef.h \
        /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/local/lib/clang/*/include/stddef.h; do
        return 0
    done
    return 1
}

# Debian packages for what is missing, one per line.
missing_packages() {
    have cmake || echo cmake
    have "${CXX:-c++}" || echo g++
    have_libclang || echo libclang-dev
    # Both, since libclang by itself does not find the headers in every layout; the program always does.
    have_clang_headers || echo clang
    have python3 || [ -n "${EGCFG_PYTHON:-}" ] || echo python3
}

install_packages() {
    local packages=("$@") command="apt-get install -y --no-install-recommends $*"
    if ! have apt-get; then
        fail "missing: $*" "install them (names are Debian's) with this system's package manager, then run this again"
    fi
    if [ "$(id -u)" != 0 ]; then
        fail "missing: $*" "run \`sudo apt-get update && sudo $command\`, then run this again"
    fi
    say "missing: $*; installing with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2 || fail "apt-get update failed" "check the network, then run \`$command\`"
    apt-get install -y -q --no-install-recommends "${packages[@]}" >&2 || fail "apt-get could not install: $*" "run \`$command\` and read what it says"
    say "installed: $*"
}

check_rust() {
    have cargo || fail "there is no cargo" "install Rust, for instance with rustup"
    local wanted found
    wanted="$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml")"
    found="$(cd "$root" && cargo --version | cut -d' ' -f2)"
    if [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
        fail "Rust $found is too old, $wanted or later is needed" "run \`rustup update stable\`"
    fi
}

check_python() {
    local python="${EGCFG_PYTHON:-python3}" found
    have "$python" || fail "$python is not there" "install CPython 3.9 or later, or name one in EGCFG_PYTHON"
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9) or sys.implementation.name != "cpython")'; then
        found="$("$python" --version 2>&1 || true)"
        fail "$python says \"$found\", CPython 3.9 or later is needed" "name another interpreter in EGCFG_PYTHON"
    fi
}

main() {
    local packages
    check_rust
    mapfile -t packages < <(missing_packages)
    if [ "${#packages[@]}" -gt 0 ]; then
        install_packages "${packages[@]}"
        mapfile -t packages < <(missing_packages)
        [ "${#packages[@]}" -eq 0 ] || fail "still missing after the installation: ${packages[*]}" "look at what apt-get printed above"
    fi
    check_python
}

main
