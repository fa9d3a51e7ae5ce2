#!/usr/bin/env bash
# Kills a run with SIGKILL again and again (KILLS, 30 unless set) at random moments of real work with the embedded model, lets it end,
# and compares every unit with a run that was left alone: each has exactly one result, none is lost, none is torn. Units whose
# program or tokens differ are counted and named: docs/results.md says what of that is promised.
#
#     scripts/kills.sh DATA [FLAGS OF egcfg run ...]      # such as tools/pocket/dev.jsonl --end 20 --gamma 0,1
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
egcfg="${EGCFG:-$(dirname "${BASH_SOURCE[0]}")/../target/release/egcfg}"
kills="${KILLS:-30}"
folder="$(mktemp -d)"
child=
trap '[ -z "$child" ] || kill -9 "$child" 2>/dev/null || true; rm -rf "$folder"' EXIT
data="$1"
shift
run() { "$egcfg" run --dataset tasks --data "$data" --model pocket --jobs 1 --threads 1 --lease 2 --results "$folder/$1" "${@:2}"; }

run alone "$@" >"$folder/said" 2>&1 || { tail -5 "$folder/said" >&2; exit 1; }
done_kills=0
while [ "$done_kills" -lt "$kills" ]; do
    run killed "$@" >>"$folder/killed.log" 2>&1 &
    child=$!
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    if ! kill -9 "$child" 2>/dev/null; then
        # It has ended before: the rest of the kills hits fresh results.
        rm -rf "$folder/killed"
    else
        done_kills=$((done_kills + 1))
    fi
    wait "$child" 2>/dev/null || true
    child=
done
run killed "$@" >>"$folder/killed.log" 2>&1 || { tail -5 "$folder/killed.log" >&2; exit 1; }

python3 - "$folder/alone" "$folder/killed" "$kills" <<'P'
import json, os, sys

def units(root):
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            if name.startswith("task_id=") and name.endswith(".json") and "claims" not in folder and "errors" not in folder:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, root)] = json.load(open(path))
    return found

alone, killed = units(sys.argv[1]), units(sys.argv[2])
lost, more = sorted(set(alone) - set(killed)), sorted(set(killed) - set(alone))
what = lambda unit: (unit["code"], unit["passed"], unit["egcfg"]["verdicts"])
cost = lambda unit: {k: v for k, v in unit["egcfg"]["cost"].items() if k.endswith("_tokens") and k not in ("computed_tokens", "cached_tokens")}
other = [name for name in alone if name in killed and what(alone[name]) != what(killed[name])]
counts = [name for name in alone if name in killed and name not in other and cost(alone[name]) != cost(killed[name])]
print(f"{sys.argv[3]} kills, {len(alone)} units: {len(lost)} lost, {len(more)} too many, "
      f"{len(other)} with another program or verdict, {len(counts)} with other counts of tokens only")
for name in lost + more + other + counts:
    print(" ", name)
sys.exit(bool(lost or more))
P
