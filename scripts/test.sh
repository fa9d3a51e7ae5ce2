#!/usr/bin/env bash
# All checks of the repository: layout, lints, documentation, tests. Everything is built in the release profile, so that
# llama.cpp is compiled once for the demo, the lints, the documentation and the tests. The last line is the sum of
# all test programs: `N passed, N failed, N skipped`. A test that says `skipped: ...` in its output counts as skipped, not as
# passed, as does an ignored one; the reasons stand before the sum. Processes that other tests start are no tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*"; }

# A bare Rust installation has no rustfmt and no clippy. Where rustup is there they are fetched; where they cannot be
# had, their check is left out and the end of the output says so.
left_out=()
component() {
    cargo "$1" --version >/dev/null 2>&1 && return 0
    if command -v rustup >/dev/null 2>&1 && rustup component add "$2" && cargo "$1" --version >/dev/null 2>&1; then
        return 0
    fi
    left_out+=("$2")
    return 1
}

if component fmt rustfmt; then
    step "layout"
    cargo fmt --all --check
fi
if component clippy clippy; then
    step "lints"
    cargo clippy --release --workspace --all-targets --locked -- -D warnings
fi

step "module graph"
python3 scripts/module_graph.py

step "documentation"
RUSTDOCFLAGS="${RUSTDOCFLAGS:+$RUSTDOCFLAGS }-D warnings" cargo doc --release --workspace --no-deps --locked

step "tests"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
status=0
# pipefail keeps cargo's exit status; the later programs run even if an early one fails, so that the sum is complete.
# What tests print comes after them, under their names; only what was skipped, and what failed, is shown of it.
cargo test --release --workspace --locked --no-fail-fast -- --show-output 2>&1 | tee "$log" | awk '
    /^successes:$/ { quiet = 1 }
    /^failures:$/ || /^test result: / || /^     Running / || /^   Doc-tests / || /^running [0-9]+ test/ { quiet = 0 }
    !quiet { print; fflush() }
' || status=$?

for name in "${left_out[@]}"; do
    printf '\nleft out: the check by %s, which is not installed and could not be fetched\n' "$name"
done
awk -v status="$status" -f scripts/sum-tests.awk "$log"
exit "$status"
