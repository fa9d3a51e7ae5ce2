"""Signal entries for training: candidates as sampling at run time would give them, and their results.

At run time the decoder samples continuations of the code so far from the model, runs them, and shows
code and results.  Here a candidate is made from the task instead: steps whose description is vague
are drawn anew, precise ones rarely go wrong, and some candidates are cut before their end.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from domain import Value
from programs import ARGUMENT, Program, Step
from tasks import Task, Test

SECONDS = 0.3
# What our programs use; a model's program gets no more than that.
BUILTINS = {"abs": abs, "sorted": sorted, "max": max, "min": min, "len": len, "AssertionError": AssertionError}
REPR_LIMIT = 60
PRECISE_STAYS = 0.94
TO_THE_END = 0.65
FORCE_PASS = 0.4
FORCE_NONE = 0.3
COUNT_WEIGHTS = {1: 4, 2: 8, 3: 7, 4: 4, 5: 2, 6: 1}


@dataclass(frozen=True)
class Result:
    """What one call of a candidate gave: `outcome` is pass, fail, raise or open."""

    call: str
    outcome: str
    locals: tuple[tuple[str, str], ...]
    value: str | None
    exception: str | None
    expected: str


@dataclass(frozen=True)
class Entry:
    """A candidate's executable form and its results, one per shown test."""

    code: str
    finished: bool
    results: tuple[Result, ...]

    @property
    def passed(self) -> int:
        """How many of the shown tests pass."""
        return sum(result.outcome == "pass" for result in self.results)

    @property
    def passes(self) -> bool:
        """Whether all of the shown tests pass."""
        return self.passed == len(self.results)

    @property
    def rank(self) -> tuple[int, bool]:
        """The sort key of a signal block: worst first."""
        return self.passed, self.finished


def executable_form(lines: tuple[str, ...]) -> str:
    """The lines as text that compiles: a cut after a colon gets a `pass` one level deeper."""
    text = "\n".join(lines) + "\n"
    if lines[-1].endswith(":"):
        indent = len(lines[-1]) - len(lines[-1].lstrip())
        text += " " * (indent + 4) + "pass\n"
    return text


def short_repr(value: Value) -> str:
    """`repr`, cut to REPR_LIMIT characters in all, the last three of them dots."""
    text = repr(value)
    return text if len(text) <= REPR_LIMIT else text[: REPR_LIMIT - 3] + "..."


def _instrumented(code: str) -> str:
    """The same program, but returning its locals too: far cheaper than a trace function."""
    lines = code.rstrip("\n").split("\n")
    if lines[-1].startswith("    return "):
        lines[-1] = f"    return True, {lines[-1][11:]}, locals()"
    else:
        lines.append("    return False, None, locals()")
    return "\n".join(lines) + "\n"


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise TimeoutError in a program of the model's that does not end."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_safely(code: str, name: str, kind: str, finished: bool, tests: tuple[Test, ...]) -> Entry | None:
    """`evaluate` for a program that the model wrote; None where it cannot be shown."""
    try:
        with time_limit():
            return evaluate(code, name, kind, finished, tests)
    except Exception:  # noqa: BLE001 - a text that does not compile, or does not end
        return None


def evaluate(code: str, name: str, kind: str, finished: bool, tests: tuple[Test, ...]) -> Entry:
    """Run a candidate of ours on the shown tests."""
    namespace: dict[str, Any] = {"__builtins__": {**BUILTINS, "locals": locals}}
    exec(compile(_instrumented(code), "<candidate>", "exec"), namespace)  # noqa: S102 - our own text
    function = namespace[name]
    results: list[Result] = []
    for test in tests:
        given = list(test.argument) if kind == "list" else test.argument
        value: Value = None
        exception: str | None = None
        returned = False
        state: dict[str, Any]
        try:
            returned, value, state = function(given)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - a model's program may raise anything
            exception = type(error).__name__
            assert error.__traceback__ is not None and error.__traceback__.tb_next is not None
            state = error.__traceback__.tb_next.tb_frame.f_locals
        if exception is not None:
            outcome = "raise"
        elif not finished and not returned:
            outcome = "open"
        else:
            outcome = "pass" if value == test.expected else "fail"
        argument = ARGUMENT[kind]
        shown = tuple(
            (key, short_repr(held)) for key, held in state.items() if key != argument or held != test.argument
        )
        call = f"{name}({test.argument!r})"
        gives = repr(value) if outcome in ("pass", "fail") else None
        results.append(Result(call, outcome, shown, gives, exception, repr(test.expected)))
    return Entry(code, finished, tuple(results))


def draw_cut(program: Program, rng: random.Random) -> int:
    """How many of the program's lines are written already, the `def` line included.

    Early cuts and the beginnings of steps matter most: there the decoder chooses between
    operations.  Within a step's loop there is less to choose.
    """
    last = len(program.lines) - 1
    starts = [start for start in program.starts if start <= last]
    if rng.random() < 0.6:
        return rng.choice(starts + starts[:1])
    return min(rng.randint(1, last) for _ in range(2)) if rng.random() < 0.5 else rng.randint(1, last)


def _candidate(program: Program, cut: int, true_share: float, rng: random.Random) -> Program:
    """Another program with the same first `cut` lines."""
    prefix = program.lines[:cut]
    steps = list(program.steps)
    ends = [*program.starts[1:], len(program.lines) - 1]
    for index, step in enumerate(program.steps):
        if ends[index] <= cut or not _changes(step, true_share, rng):
            continue
        for _ in range(6):
            other = step.redrawn(rng) if step.vague else step.mutated(rng)
            trial = Program(program.name, program.kind, (*steps[:index], other, *steps[index + 1:]))
            if trial.lines[:cut] == prefix:
                steps[index] = other
                break
    return Program(program.name, program.kind, tuple(steps))


def _changes(step: Step, true_share: float, rng: random.Random) -> bool:
    return rng.random() >= (true_share if step.vague else PRECISE_STAYS)


@dataclass(frozen=True)
class Signal:
    """Entries in the order in which they are shown, and the program that decoding should write."""

    cut: int
    entries: tuple[Entry, ...]
    target: str

    @property
    def has_pass(self) -> bool:
        """Whether some entry passes all shown tests."""
        return any(entry.passes for entry in self.entries)


def draw_force(rng: random.Random, passing: float = FORCE_PASS, none: float = FORCE_NONE) -> bool | None:
    """Whether a training block must hold a passing entry, must not, or may.

    Left to chance, most blocks would hold one, and copying would be all there is to learn.
    """
    dice = rng.random()
    return True if dice < passing else False if dice < passing + none else None


def draw_signal(task: Task, rng: random.Random, cut: int | None = None, force: bool | None = None,
                most: int = 6) -> Signal:
    """Draw a signal block of at most `most` entries, never showing a program of a held-out skeleton.

    `force` True makes sure that an entry passes, False that none does (there may then be no entry at
    all: where nothing is left open, nothing goes wrong); None leaves it to chance.  For a held-out task
    the block is for evaluation and may show programs of any split.
    """
    program = task.program
    split = program.split
    cut = draw_cut(program, rng) if cut is None else cut
    true_share = rng.uniform(0.1, 0.5)
    wanted = rng.choices(list(COUNT_WEIGHTS)[:most], weights=list(COUNT_WEIGHTS.values())[:most])[0]
    place = rng.randrange(wanted) if force else -1
    entries: list[Entry] = []
    seen: set[str] = set()
    targets: dict[str, str] = {}
    for attempt in range(3 * wanted + 2):
        if len(entries) == wanted:
            break
        true_turn = attempt >= place >= 0 and not any(entry.passes for entry in entries)
        other = program if true_turn else _candidate(program, cut, true_share, rng)
        if split == "train" and other.split != "train":
            continue
        finished = true_turn or rng.random() < TO_THE_END
        lines = other.lines
        if not finished:
            horizon = cut + rng.randint(2, 12)
            finished = horizon > len(lines)  # one line more than the program's would show its end
            lines = lines[:horizon]
        code = executable_form(lines)
        if code in seen:
            continue
        entry = evaluate(code, program.name, program.kind, finished, task.tests)
        if force is False and entry.passes:
            continue
        seen.add(code)
        entries.append(entry)
        targets[code] = other.text
    entries.sort(key=lambda entry: entry.rank)
    passing = [entry for entry in entries if entry.passes]
    target = targets[passing[-1].code] if passing else program.text
    return Signal(cut, tuple(entries), target)
