#!/usr/bin/env python3
"""How fast the engine is beside llama.cpp's own programs: the same file, one thread, in turns, as ratios.

    bench/llama/run.py FOLDER MODEL.gguf...

FOLDER holds `llama-bench` and `llama-batched-bench`, built for this machine (`cmake -DGGML_NATIVE=ON -DGGML_OPENMP=OFF`). What counts
is processor time, as machines are shared: of llama.cpp's programs, that of a long run less that of a short one, so
that loading and warming up do not count. Three things are compared at 512 tokens of context: reading it, a token more, and a
token more on each of eight branches that share it. The engine's times are of whole requests, as decoding makes them: queueing,
the cache and the copy of the logits included. Raw results go to bench/results/llama.jsonl.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONTEXT, ROUNDS, BRANCHES = 512, int(os.environ.get("ROUNDS", "3")), 8
STEPS = {"prefill of the context": ("prefill", CONTEXT), "20 single steps": ("decode", 20),
         "one token more on each of 8 branches": ("batch of 8", BRANCHES)}


def processor_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def between(tokens, short, long):
    """Tokens per second of processor time of what the long run does more."""
    return tokens / (processor_seconds(long) - processor_seconds(short))


def theirs(folder, model):
    bench = [folder / "llama-bench", "-m", model, "-t", 1]
    batched = [folder / "llama-batched-bench", "-m", model, "-t", 1, "-tb", 1, "-c", 2048, "-kvu", "-npp", CONTEXT, "-npl", BRANCHES, "-pps"]
    return {
        "prefill": between(4 * CONTEXT, bench + ["-p", CONTEXT, "-n", 0, "-r", 1], bench + ["-p", CONTEXT, "-n", 0, "-r", 5]),
        "decode": between(192, bench + ["-p", 0, "-d", CONTEXT, "-n", 64, "-r", 1], bench + ["-p", 0, "-d", CONTEXT, "-n", 256, "-r", 1]),
        "batch of 8": between(BRANCHES * 48, batched + ["-ntg", 16], batched + ["-ntg", 64]),
    }


def ours(model):
    command = ["cargo", "bench", "--quiet", "--locked", "--workspace", "--bench", "engine", "--", "--model", model, "--threads", 1,
               "--context", CONTEXT, "--repeat", 5]
    output = subprocess.run([str(word) for word in command], check=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in output.stdout.splitlines() if line.startswith(b"{")]
    return {STEPS[line["what"]][0]: STEPS[line["what"]][1] / line["cpu_ms"]["median"] * 1e3 for line in lines if line["what"] in STEPS}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.split("\n\n")[1].strip())
    folder = pathlib.Path(sys.argv[1]).resolve()
    print("| file | step | llama.cpp, tokens/s | egcfg, tokens/s | ratio |\n|---|---|---|---|---|")
    for model in map(pathlib.Path, sys.argv[2:]):
        rounds = []
        for _ in range(ROUNDS):
            rounds.append((theirs(folder, model.resolve()), ours(model.resolve())))
        with open(ROOT / "bench/results/llama.jsonl", "a", encoding="utf-8") as results:
            results.write(json.dumps({"model": model.name, "rounds": rounds}) + "\n")
        for step in ("prefill", "decode", "batch of 8"):
            them, us = ([side[step] for side in sides] for sides in zip(*rounds))
            ratio = statistics.median(ours / theirs for theirs, ours in zip(them, us))
            print("| %s | %s | %.0f | %.0f | %.2f |" % (model.name, step, statistics.median(them), statistics.median(us), ratio), flush=True)


if __name__ == "__main__":
    main()
