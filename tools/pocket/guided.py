"""A small reference of guided decoding with the model's own samples, to watch training by.

Line by line: sample continuations from the plain prompt, run them, show them (and the best of earlier ones
that still fit) in a signal block, and take the next line greedily after it.  The product does this
properly; here all tasks go in step, and nothing is cached between lines.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from datasets import SETS, draw_set
from decoding import decode, passes
from entries import Entry, executable_form, run_safely
from evaluate import judge, load_model
from tasks import Task
from texts import task_prompt
from tokenizer import load_tokenizer

SAMPLES, HORIZON, MEMORY, TEMPERATURE = 3, 16, 2, 0.9
LINES = 18


def sampler(seed: int):  # noqa: ANN201 - a closure over one generator
    """A `pick` for `decode` that samples at TEMPERATURE."""
    generator = torch.Generator().manual_seed(seed)
    return lambda logits: torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=generator)[:, 0]


class State:
    """One task on its way: the code so far, what was run, and the answer once there is one."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.code = f"def {task.program.name}({'xs' if task.program.kind == 'list' else 's'}):\n"
        self.seen: dict[str, Entry] = {}
        self.done = False

    def add(self, text: str, fresh: list[Entry]) -> None:
        """Run a sampled continuation, unless it was run before or does not compile."""
        lines = (self.code + text).splitlines()
        count = len(self.code.splitlines()) + HORIZON
        finished = len(lines) <= count and lines[-1].startswith("    return ")
        form = executable_form(tuple(lines[:count]))
        if form not in self.seen:
            program = self.task.program
            entry = run_safely(form, program.name, program.kind, finished, self.task.tests)
            if entry is None:
                return
            self.seen[form] = entry
        if self.seen[form] not in fresh:
            fresh.append(self.seen[form])

    def entries(self, fresh: list[Entry]) -> tuple[Entry, ...]:
        """The block: fresh candidates and the best remembered ones, worst first."""
        fitting = [e for e in self.seen.values() if e.code.startswith(self.code) and e not in fresh]
        best = sorted(fitting, key=lambda e: e.rank)[-MEMORY:] if MEMORY else []
        return tuple(sorted([*fresh, *best], key=lambda e: e.rank))


def main() -> None:
    """`guided.py CHECKPOINT TOKENIZER [--tasks 40]`: greedy, guided and best of what was sampled."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--set", choices=sorted(SETS), default="dev")
    parser.add_argument("--tasks", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, position = load_model(args.checkpoint)
    tokenizer = load_tokenizer(args.tokenizer)
    tasks = draw_set(args.set, SETS[args.set])[: args.tasks]
    pick, states = sampler(1), [State(task) for task in tasks]
    greedy = decode(model, tokenizer, [task_prompt(task) for task in tasks])
    for _ in range(LINES):
        going = [state for state in states if not state.done]
        if not going:
            break
        heads = [task_prompt(state.task) + state.code for state in going]
        samples = decode(model, tokenizer, [head for head in heads for _ in range(SAMPLES)], pick=pick)
        prompts = []
        for index, state in enumerate(going):
            fresh: list[Entry] = []
            for text in samples[index * SAMPLES: (index + 1) * SAMPLES]:
                state.add(text, fresh)
            prompts.append(task_prompt(state.task, state.entries(fresh)) + state.code)
        usable = [i for i, p in enumerate(prompts) if len(tokenizer.encode(p).ids) < model.config.context - 50]
        for i, line in zip(usable, decode(model, tokenizer, [prompts[i] for i in usable], stop="\n"), strict=True):
            going[i].code += line
            going[i].done = line.startswith("    return ") or not line
    names = [task.program.name for task in tasks]
    asserts = [[test.assertion(name) for test in task.tests] for task, name in zip(tasks, names, strict=True)]
    row = {
        "tokens": position["tokens"], "tasks": len(tasks),
        "greedy": sum(judge(t, c)[0] for t, c in zip(tasks, greedy, strict=True)),
        "guided": sum(passes(s.code, a) for s, a in zip(states, asserts, strict=True)),
        "any_sample": sum(any(e.finished and e.passes for e in s.seen.values()) for s in states),
        "candidates": round(sum(len(s.seen) for s in states) / len(states), 1),
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
