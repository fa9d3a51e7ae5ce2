#!/usr/bin/env bash
# Builds llama.cpp's own server, once, for the tests that take a model from it (crates/egcfg/tests/exactness) and for
# comparisons. Its sources come with the Python package of llama.cpp's bindings: pip fetches that, and its hash is checked.
# The program lands in the cache folder ($EGCFG_CACHE, else $XDG_CACHE_HOME/egcfg, else ~/.cache/egcfg), where the tests look
# for it; its path is printed. Takes many minutes, and 1 GiB of disk that is given back. No part of `make test`.
#
#   scripts/llama-server.sh            fetch and build, unless that was done
#   scripts/llama-server.sh SOURCES    build from this llama.cpp folder instead
set -euo pipefail

package="llama-cpp-python==0.3.36"
digest="sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"

say() { printf 'llama-server: %s\n' "$*" >&2; }
fail() {
    say "$1"
    printf 'hint: %s\n' "$2" >&2
    exit 1
}

cache="${EGCFG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/egcfg}/llama-server"
program="$cache/llama-server"
# What it was built from, so that another pin builds anew.
stamp="$package $digest ${1:-}"
if [ -x "$program" ] && [ "$(cat "$cache/built-from" 2>/dev/null)" = "$stamp" ]; then
    printf '%s\n' "$program"
    exit 0
fi

for tool in cmake "${CXX:-c++}" python3; do
    command -v "$tool" >/dev/null 2>&1 || fail "missing: $tool" "scripts/setup.sh names what a build needs"
done
mkdir -p "$cache"
work="$(mktemp -d "$cache/build.XXXXXX")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ -n "${1:-}" ]; then
    sources="$1"
else
    say "fetching $package"
    # A requirement with its hash: anything else is refused. Only the package itself must come as sources; what pip needs
    # to look into it may be built already.
    printf '%s --hash=%s\n' "$package" "$digest" >"$work/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary llama-cpp-python \
        --require-hashes --requirement "$work/requirements.txt" --dest "$work" >&2 ||
        fail "the package could not be fetched" "with sources at hand: scripts/llama-server.sh SOURCES"
    tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work"
    sources="$(echo "$work"/llama_cpp_python-*/vendor/llama.cpp)"
fi
[ -f "$sources/tools/server/server.cpp" ] || fail "$sources holds no llama.cpp with its server" "name another folder"

say "building (the log is $cache/build.log)"
build() {
    # One program without shared libraries, TLS or a page for browsers.
    cmake -S "$sources" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_BUILD_TESTS=OFF \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF &&
        cmake --build "$work/build" --target llama-server --parallel "${JOBS:-$(getconf _NPROCESSORS_ONLN)}"
}
build >"$cache/build.log" 2>&1 || fail "the build failed: $(tail -n 1 "$cache/build.log")" "the whole log is $cache/build.log"
# Whole or not at all: a rename within the cache.
mv "$work/build/bin/llama-server" "$program"
printf '%s\n' "$stamp" >"$cache/built-from"
printf '%s\n' "$program"
