"""Tasks: a program, and tests chosen so that they tell it from its siblings.

A vague step is only fair if the tests say which operation is meant.  So inputs are not simply drawn:
from a handful of them, those are taken on which programs with other steps, or with a step left out,
give other results.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from domain import Value, draw_input
from programs import Program, draw_program, small

SHOWN = 3
HIDDEN = 5
_FAILED = object()


@dataclass(frozen=True)
class Test:
    """One assert: the argument and the expected result."""

    argument: Value
    expected: Value

    def assertion(self, name: str) -> str:
        """The assert's line."""
        return f"assert {name}({self.argument!r}) == {self.expected!r}"


@dataclass(frozen=True)
class Task:
    """A program to be found, its shown tests and, for held-out sets, hidden ones."""

    program: Program
    tests: tuple[Test, ...]
    hidden: tuple[Test, ...] = ()

    @property
    def description(self) -> str:
        """The task's one line of prose."""
        return self.program.description


def _result(program: Program, argument: Value) -> Value:
    try:
        value = program.run(argument)
    except (IndexError, ValueError):
        return _FAILED
    return value


def _rivals(program: Program, rng: random.Random) -> list[Program]:
    """Programs that the tests should rule out: other steps of the same phrases, or a step too few."""
    rivals = []
    for _ in range(5):
        steps = [s.redrawn(rng) if s.vague else s for s in program.steps]
        rivals.append(Program(program.name, program.kind, tuple(steps)))
    for index, step in enumerate(program.steps):
        others = list(program.steps)
        others[index] = step.mutated(rng)
        rivals.append(Program(program.name, program.kind, tuple(others)))
        if len(program.steps) > 1 and not step.op.reduces:
            shorter = program.steps[:index] + program.steps[index + 1:]
            rivals.append(Program(program.name, program.kind, shorter))
    return rivals


def _needless(program: Program, tests: list[Test]) -> bool:
    """Whether some step can be left out without any test noticing."""
    for index, step in enumerate(program.steps):
        if step.op.reduces or len(program.steps) == 1:
            continue
        shorter = Program(program.name, program.kind, program.steps[:index] + program.steps[index + 1:])
        if all(_result(shorter, test.argument) == test.expected for test in tests):
            return True
    return False


def _usable(program: Program, argument: Value) -> Test | None:
    """The test on this argument, unless the program raises or a value on the way is large."""
    value = argument
    try:
        for step in program.steps:
            value = step.op.run(value, *step.constants)
            if not small(value):
                return None
    except (IndexError, ValueError):
        return None
    return Test(argument, value)


def _choose(program: Program, pool: list[Test], count: int, rng: random.Random) -> list[Test]:
    """Take the tests one by one: each time the one that rules out most of the rivals still standing."""
    alive = _rivals(program, rng)
    chosen: list[Test] = []
    rest = list(pool)
    while rest and len(chosen) < count:
        ruled = [sum(_result(rival, test.argument) != test.expected for rival in alive) for test in rest]
        empty = [1 if test.expected in ([], "") else 0 for test in rest]
        best = max(range(len(rest)), key=lambda i: ruled[i] - empty[i])
        test = rest.pop(best)
        chosen.append(test)
        alive = [rival for rival in alive if _result(rival, test.argument) == test.expected]
    return chosen


def _trivial(tests: list[Test]) -> bool:
    """All results alike, or nothing in two or more of them."""
    results = [repr(test.expected) for test in tests]
    return len(set(results)) == 1 or sum(result in ("[]", "''") for result in results) >= 2


def draw_task(rng: random.Random, program: Program | None = None, hidden: int = 0) -> Task | None:
    """Draw a task, or None where the draw gave a trivial one (the caller draws again)."""
    program = program or draw_program(rng)
    pool: list[Test] = []
    seen: set[str] = set()
    for _ in range(8 + hidden * 3):
        argument = draw_input(program.kind, rng)
        test = _usable(program, argument)
        if test is not None and repr(argument) not in seen:
            seen.add(repr(argument))
            pool.append(test)
    if len(pool) < SHOWN + hidden:
        return None
    chosen = _choose(program, pool, SHOWN, rng)
    if _trivial(chosen) or _needless(program, chosen):
        return None
    rng.shuffle(chosen)
    rest = [test for test in pool if test not in chosen]
    return Task(program, tuple(chosen), tuple(rest[:hidden]))
