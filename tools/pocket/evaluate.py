"""Watch a checkpoint: plain greedy score, and what it makes of signal blocks.

The *oracle* probe takes blocks from the generator, with and without a passing entry, and asks how often
greedy decoding after such a block gives a program that passes; `unguided` is the same cut without one.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from datasets import SETS, draw_set
from decoding import decode, passes
from entries import draw_signal
from model import Config, Pocket
from tasks import Task
from texts import task_prompt
from tokenizer import load_tokenizer


def load_model(checkpoint: Path) -> tuple[Pocket, dict[str, Any]]:
    """The model of a checkpoint, and how far its run has come."""
    held = torch.load(checkpoint, weights_only=True)
    model = Pocket(Config(**held["config"]))
    model.load_state_dict(held["model"])
    return model.eval(), held["position"]


def judge(task: Task, code: str) -> tuple[bool, bool]:
    """Whether the program passes the shown tests, and whether it passes the hidden ones too."""
    name = task.program.name
    shown = passes(code, [test.assertion(name) for test in task.tests])
    return shown, shown and passes(code, [test.assertion(name) for test in task.hidden])


def plain_score(model: Pocket, tokenizer: Tokenizer, tasks: list[Task]) -> dict[str, float]:
    """The share of tasks solved by plain greedy decoding."""
    codes = decode(model, tokenizer, [task_prompt(task) for task in tasks])
    verdicts = [judge(task, code) for task, code in zip(tasks, codes, strict=True)]
    return {"shown": sum(v[0] for v in verdicts) / len(tasks), "hidden": sum(v[1] for v in verdicts) / len(tasks)}


def oracle_probe(model: Pocket, tokenizer: Tokenizer, tasks: list[Task]) -> dict[str, Any]:
    """Scores after blocks with and without a passing entry, where something is still open at the cut."""
    rng = random.Random("pocket-oracle")
    rows: dict[str, list[tuple[Task, str, str]]] = {"with": [], "with_unguided": [], "none": [], "none_unguided": []}
    for task in tasks:
        if not any(step.vague for step in task.program.steps):
            continue
        first_vague = next(i for i, step in enumerate(task.program.steps) if step.vague)
        cut = rng.choice((1, task.program.starts[first_vague]))
        for name, force in (("with", True), ("none", False)):
            signal = draw_signal(task, rng, cut, force)
            if not signal.entries:
                continue
            prefix = "".join(line + "\n" for line in task.program.lines[:cut])
            rows[name].append((task, task_prompt(task, signal.entries) + prefix, prefix))
            rows[name + "_unguided"].append((task, task_prompt(task) + prefix, prefix))
    out: dict[str, Any] = {}
    for name, members in rows.items():
        codes = decode(model, tokenizer, [head for _, head, _ in members])
        good = sum(judge(task, prefix + code)[0] for (task, _, prefix), code in zip(members, codes, strict=True))
        out[name] = round(good / max(1, len(members)), 3)
    return {**out, "blocks": len(rows["with"])}


def main() -> None:
    """`evaluate.py CHECKPOINT TOKENIZER [--set dev] [--tasks 100] [--oracle]`: prints one JSON line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--set", choices=sorted(SETS), default="dev")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--oracle", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, position = load_model(args.checkpoint)
    tokenizer = load_tokenizer(args.tokenizer)
    tasks = draw_set(args.set, SETS[args.set])[: args.tasks]
    row: dict[str, Any] = {"tokens": position["tokens"], "set": args.set, "tasks": len(tasks)}
    row["greedy"] = plain_score(model, tokenizer, tasks)
    if args.oracle:
        row["oracle"] = oracle_probe(model, tokenizer, tasks)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
