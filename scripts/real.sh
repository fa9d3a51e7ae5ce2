#!/bin/sh
# From nothing to a solved task with a real model: builds the program, fetches SmolLM2-135M-Instruct (scripts/real-model.sh),
# has it write a program for tools/real/count_vowels.toml and judges that by tests which it never saw. Ends with the judge's
# exit code: 0 where all pass.
#
#   EGCFG_REAL_MODEL   a GGUF file to use instead; nothing is fetched then
#   CARGO              the cargo to build with
set -eu
cd "$(dirname "$0")/.."

task=tools/real/count_vowels.toml
model=$(scripts/real-model.sh)
${CARGO:-cargo} build --release --locked --workspace --bin egcfg
egcfg=${CARGO_TARGET_DIR:-target}/release/egcfg

program=$(mktemp)
trap 'rm -f "$program"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo "== $egcfg solve $task --model $model" >&2
"$egcfg" solve "$task" --model "$model" >"$program"
cat "$program"
echo "== judged by the hidden tests" >&2
"$egcfg" judge "$program" --task "$task"
