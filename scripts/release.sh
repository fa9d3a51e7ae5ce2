#!/usr/bin/env bash
# Builds and tests what people install: a wheel, `cargo install --locked`, and a container image. Each is installed into a
# place of its own and has to solve the demo's tasks from there. What cannot be built here (no maturin, no podman or docker
# that answers) is named at the end and counts as a failure only with --all. Takes as long as three builds of llama.cpp.
#
#   scripts/release.sh            what can be built here
#   scripts/release.sh --all      all three, or exit code 1
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=false
[ "${1:-}" != --all ] || all=true
out="${CARGO_TARGET_DIR:-target}/release-check"
rm -rf "$out"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
left_out=()
step() { printf '\n== %s\n' "$*"; }

# The version is the workspace's, and the program must agree.
version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"

# What an installed program has to do away from this repository.
try() {
    (
        cd "$out"
        [ "$("$@" --version)" = "egcfg $version" ] || { printf 'release: %s is not version %s\n' "$*" "$version" >&2; exit 1; }
        "$@" demo
    )
}

step "cargo install --locked"
cargo install --locked --path crates/egcfg --root "$out/cargo"
try "$out/cargo/bin/egcfg"

step "wheel"
if command -v maturin >/dev/null 2>&1; then
    maturin build --release --out "$out/wheels"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install --quiet --no-index "$out"/wheels/egcfg-*.whl
    try "$out/venv/bin/egcfg"
else
    left_out+=("the wheel: maturin is not installed (pip install maturin)")
fi

step "container"
engine=
for name in podman docker; do
    if command -v "$name" >/dev/null 2>&1 && "$name" info >/dev/null 2>&1; then
        engine=$name
        break
    fi
done
if [ -n "$engine" ]; then
    # Docker reads .dockerignore, podman .containerignore too.
    "$engine" build --file Containerfile --tag "egcfg:$version" .
    try "$engine" run --rm "egcfg:$version"
else
    left_out+=("the container: neither podman nor docker answers")
fi

for what in "${left_out[@]}"; do printf 'left out: %s\n' "$what"; done
if "$all" && [ "${#left_out[@]}" -gt 0 ]; then exit 1; fi
