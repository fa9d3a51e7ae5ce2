#!/usr/bin/env bash
# All checks of the repository: layout, lints, documentation, tests. Everything is built in the release profile, so that
# llama.cpp is compiled once for the demo, the lints, the documentation and the tests. The last line is the sum of
# all test programs: `N passed, N failed, N skipped`.
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
cargo test --release --workspace --locked --no-fail-fast 2>&1 | tee "$log" || status=$?

for name in "${left_out[@]}"; do
    printf '\nleft out: the check by %s, which is not installed and could not be fetched\n' "$name"
done
# A program that does not compile or that dies prints no result: then the sum must not read like a success.
awk -v status="$status" '
    { gsub(/\033\[[0-9;]*m/, "") }
    /^test result: / {
        for (i = 2; i <= NF; i++) {
            if ($i == "passed;") passed += $(i - 1)
            if ($i == "failed;") failed += $(i - 1)
            if ($i == "ignored;") skipped += $(i - 1)
        }
    }
    END {
        if (status != 0 && failed == 0) {
            print "\na test program did not build or died without a result (counted as one failure)"
            failed = 1
        }
        printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped
    }
' "$log"
exit "$status"
