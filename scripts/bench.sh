#!/usr/bin/env bash
# Runs the benches one after the other and keeps their raw results under bench/results/. A bench writes one JSON object per
# measurement on a line of its own to standard output; every other line is for the reader. The JSON lines go to
# NAME.jsonl, the whole output to NAME.txt, and machine.json says where they come from.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

results="bench/results"
mkdir -p "$results"

# The value of a JSON string: backslashes and quotes escaped, control characters dropped.
json() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

processor="$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)"
{
    printf '{"date": %s, ' "$(json "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
    printf '"commit": %s, ' "$(json "$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)")"
    printf '"processor": %s, "cores": %s, ' "$(json "${processor:-unknown}")" "$(getconf _NPROCESSORS_ONLN)"
    printf '"kernel": %s, ' "$(json "$(uname -sr)")"
    printf '"rust": %s, ' "$(json "$(rustc --version)")"
    printf '"python": %s, ' "$(json "$("${EGCFG_PYTHON:-python3}" --version 2>&1)")"
    printf '"load": %s}\n' "$(json "$(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || echo unknown)")"
} >"$results/machine.json"

packages=("$@")
[ "${#packages[@]}" -gt 0 ] || packages=(egcfg-python egcfg-sandbox egcfg-model egcfg)
failed=()
for package in "${packages[@]}"; do
    # Packages without a bench of their own are passed over.
    benches=("crates/$package"/benches/*.rs)
    [ -e "${benches[0]}" ] || continue
    for bench in "${benches[@]}"; do
        name="$(basename "$bench" .rs)"
        raw="$results/$package-$name"
        printf '\n== %s: %s\n' "$package" "$name"
        # --workspace, though one bench is wanted: the features of shared dependencies are then those of every other
        # build, and llama.cpp is not compiled again.
        if cargo bench --locked --workspace --bench "$name" | tee "$raw.txt"; then
            grep '^{' "$raw.txt" >"$raw.jsonl" || rm -f "$raw.jsonl"
        else
            failed+=("$package/$name")
        fi
    done
done

printf '\nraw results: %s\n' "$results"
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
