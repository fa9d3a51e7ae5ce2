"""The pocket text format: prompts with and without a signal block, and training examples.

The format is written a second time in the product (its `pocket` prompt template); the samples under
`fixtures/` hold the two together, byte for byte.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from entries import FORCE_NONE, FORCE_PASS, Entry, Result, Signal, draw_force, draw_signal
from programs import Program, draw_program
from tasks import Task, draw_task

END = "<|end|>"
TASK_WEIGHT = 0.1


@dataclass(frozen=True)
class Mix:
    """What kind of texts a phase of training draws."""

    guided: float = 0.5
    vague: float = 0.5
    counts: tuple[int, ...] = (1, 2, 2, 3, 3)
    passing: float = FORCE_PASS
    none: float = FORCE_NONE
    most: int = 6
    early: float = 0.0  # share of blocks that leave the whole body open


# Short texts with mostly precise descriptions teach the model to read far sooner than the full mix:
# there, what the description says is a small part of what is hard to foretell.  Blocks of one or two
# entries, mostly passing ones, do the same for copying from a block.
MIXES = {
    "full": Mix(),
    "reading": Mix(guided=0.15, vague=0.25, counts=(1, 1, 2, 2, 3)),
    "middle": Mix(guided=0.35, vague=0.4),
    "copying": Mix(guided=0.7, vague=0.6, passing=0.85, none=0.1, most=2),
    "final": Mix(guided=0.55, passing=0.55, none=0.2),
    # Nothing but a passing entry tells what the body is: the shortest way to a model that copies it exactly.
    "drill": Mix(guided=0.8, vague=0.8, passing=0.95, none=0.03, most=2, early=0.7),
    "strong": Mix(guided=0.6, passing=0.75, none=0.12, early=0.25),
}
CATEGORIES = ("plain", "guided_pass", "guided_none")


def render_entry(entry: Entry) -> str:
    """One entry: outcomes, code, and per test what came of the call.

    The outcomes come first: a causal model can then carry them along while it reads the code.
    The locals are shown for the first test that does not pass only, which keeps blocks short.
    """
    lines = ["# " + " ".join(result.outcome for result in entry.results) + "\n", entry.code]
    explained = False
    for result in entry.results:
        held = ""
        if result.outcome != "pass" and not explained:
            explained = True
            held = "".join(f"{name}={value} " for name, value in result.locals)
        lines.append(f"# {result.call}: {held}{_ending(result)}\n")
    return "".join(lines)


def _ending(result: Result) -> str:
    if result.outcome == "pass":
        return f"gives {result.value}"
    if result.outcome == "fail":
        return f"gives {result.value} not {result.expected}"
    if result.outcome == "raise":
        return f"raises {result.exception}"
    return "open"


def render_prompt(description: str, assertions: list[str], entries: tuple[Entry, ...] = ()) -> str:
    """Everything before the program; the entries must be in their final order."""
    parts = ["### Task\n", description, "\n"]
    parts += [assertion + "\n" for assertion in assertions]
    if entries:
        parts.append("### Runs\n")
        parts += [render_entry(entry) for entry in entries]
    parts.append("### Code\n")
    return "".join(parts)


def task_prompt(task: Task, entries: tuple[Entry, ...] = ()) -> str:
    """The prompt of a task."""
    name = task.program.name
    return render_prompt(task.description, [test.assertion(name) for test in task.tests], entries)


@dataclass(frozen=True)
class Example:
    """A training text: the loss counts fully on `tail`, less on `head`, least on its task part."""

    head: str
    tail: str
    category: str

    @property
    def task_and_runs(self) -> tuple[str, str]:
        """The head in two parts: the task, and the runs with the code before the cut (or nothing)."""
        task, mark, runs = self.head.partition("### Runs\n")
        return task, mark + runs

    @property
    def text(self) -> str:
        """The whole text without the end token."""
        return self.head + self.tail


def plain_example(task: Task) -> Example:
    """The task and its program."""
    return Example(task_prompt(task), task.program.text, "plain")


def guided_example(task: Task, signal: Signal) -> Example:
    """The task, a signal block, and the program from the cut on."""
    lines = signal.target.splitlines(keepends=True)
    head = task_prompt(task, signal.entries) + "".join(lines[: signal.cut])
    category = "guided_pass" if signal.has_pass else "guided_none"
    return Example(head, "".join(lines[signal.cut:]), category)


def draw_train_program(rng: random.Random, mix: Mix) -> Program:
    """Draw programs until one falls into the training split."""
    while True:
        program = draw_program(rng, mix.counts, mix.vague)
        if program.split == "train":
            return program


def draw_example(seed: int, index: int, mix: Mix = MIXES["full"]) -> Example:
    """Example number `index` of the stream `seed`: the same on every machine, in any order."""
    rng = random.Random(f"pocket-train-{seed}-{index}")
    while True:
        task = draw_task(rng, draw_train_program(rng, mix))
        if task is not None:
            break
    if rng.random() >= mix.guided:
        return plain_example(task)
    # Guidance may begin in the `def` line already, before any of the body is written.
    cut = 0 if rng.random() < 0.05 else None
    if mix.early and rng.random() < mix.early:
        cut = 1
    signal = draw_signal(task, rng, cut, draw_force(rng, mix.passing, mix.none), mix.most)
    return guided_example(task, signal if signal.entries else draw_signal(task, rng, cut, None, mix.most))
