#!/usr/bin/env bash
# Every property test on many cases (PROPTEST_CASES, 20,000 unless set), then the engine on ten thousand broken model files. What
# fails leaves its seed in a `proptest-regressions` folder: commit it with the mended cause. Takes about an hour on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PROPTEST_CASES="${PROPTEST_CASES:-20000}"

# The names of the tests within `proptest! { ... }`.
names() {
    find crates -name '*.rs' -not -path '*/target/*' -exec awk '
        /^ *proptest(::proptest)?! \{$/ { match($0, /^ */); indent = substr($0, 1, RLENGTH); inside = 1; next }
        inside && $0 == indent "}" { inside = 0 }
        inside && /#\[test\]/ { wanted = 1 }
        inside && wanted && /fn [a-z0-9_]+\(/ { sub(/^ *fn /, ""); sub(/\(.*/, ""); print; wanted = 0 }
    ' {} + | sort -u
}

mapfile -t tests < <(names)
printf '%s property tests, %s cases each\n' "${#tests[@]}" "$PROPTEST_CASES"
cargo test --release --workspace --locked --no-fail-fast --lib --bins --tests -- "${tests[@]}"
cargo test --release --workspace --locked --test gguf_mutations -- --ignored
