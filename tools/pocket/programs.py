"""Programs made of steps: their text, their effect, their skeleton and the split it falls into.

A *skeleton* is a program without its names and constants.  Held-out sets are split by skeleton and
not by text, so that a dev or test task never asks for a program that training showed with another
constant in it.
"""

from __future__ import annotations

import ast
import hashlib
import random
from dataclasses import dataclass
from functools import cached_property, lru_cache

from domain import FUNCTION_NAMES, OPS, SIBLINGS, Constants, Op, Value

ARGUMENT = {"list": "xs", "str": "s"}
OUTPUTS = "abc"
BUCKETS = 20
LIMIT = 9999


@dataclass(frozen=True)
class Step:
    """An operation with its constants, and whether its description is the vague one."""

    op: Op
    constants: Constants
    vague: bool

    def describe(self) -> str:
        """What the task says about this step."""
        return self.op.vague if self.vague else self.op.describe(self.constants)

    def redrawn(self, rng: random.Random) -> Step:
        """Any step that the vague phrase covers, constants drawn anew."""
        op = rng.choice(SIBLINGS[self.op.vague])
        return Step(op, op.draw(rng), self.vague)

    def mutated(self, rng: random.Random) -> Step:
        """The step with another constant or, where it has none or by chance, a sibling operation."""
        if self.op.constants and rng.random() < 0.6:
            return Step(self.op, self.op.draw(rng), self.vague)
        return self.redrawn(rng)


@dataclass(frozen=True)
class Program:
    """A function of one argument that applies its steps in order."""

    name: str
    kind: str
    steps: tuple[Step, ...]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The program's lines; `starts` says where each step's lines begin."""
        return self._layout[0]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The index of each step's first line."""
        return self._layout[1]

    @cached_property
    def _layout(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        source = ARGUMENT[self.kind]
        lines = [f"def {self.name}({source}):"]
        starts: list[int] = []
        for index, step in enumerate(self.steps):
            target = "t" if step.op.reduces else OUTPUTS[index]
            starts.append(len(lines))
            lines += step.op.lines(source, target, step.constants)
            source = target
        lines.append(f"    return {source}")
        return tuple(lines), tuple(starts)

    @property
    def text(self) -> str:
        """The program, newline at the end."""
        return "\n".join(self.lines) + "\n"

    @property
    def description(self) -> str:
        """The task's one line of prose."""
        return ", then ".join(step.describe() for step in self.steps)

    def run(self, value: Value) -> Value:
        """The program's result by the operations' own functions; may raise as the text would."""
        for step in self.steps:
            value = step.op.run(value, *step.constants)
        return value

    @property
    def split(self) -> str:
        """`train`, `dev` or `test`."""
        return split_of_operations(self.kind, tuple(step.op.name for step in self.steps))


class _Skeleton(ast.NodeTransformer):
    """Rename what the program binds by order of first use; blank out its int and string constants."""

    def __init__(self, bound: set[str]) -> None:
        self.bound = bound
        self.order: dict[str, str] = {}

    def _rename(self, name: str) -> str:
        return self.order.setdefault(name, f"v{len(self.order)}") if name in self.bound else name

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = "f"
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._rename(node.arg)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._rename(node.id)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, (int, str)) and not isinstance(node.value, bool):
            node.value = "#"
        return node


def skeleton(text: str) -> str:
    """The program's AST without names and constants; built-in names stay, they are operations."""
    tree = ast.parse(text)
    bound = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return ast.dump(_Skeleton(bound).visit(tree))


def split_of_text(text: str) -> str:
    """The split of a program of two or more steps, from its skeleton's hash."""
    bucket = int(hashlib.sha256(skeleton(text).encode()).hexdigest(), 16) % BUCKETS
    return {0: "test", 1: "dev"}.get(bucket, "train")


@lru_cache(maxsize=None)
def split_of_operations(kind: str, names: tuple[str, ...]) -> str:
    """The split of a program with these operations: constants and names do not matter, so cache it."""
    if len(names) < 2:
        return "train"
    by_name = {op.name: op for op in OPS[kind]}
    rng = random.Random(0)
    steps = tuple(Step(by_name[name], by_name[name].draw(rng), False) for name in names)
    return split_of_text(Program("f", kind, steps).text)


def small(value: Value) -> bool:
    """Whether every number in the value stays within four digits."""
    if isinstance(value, int):
        return abs(value) <= LIMIT
    if isinstance(value, list):
        return all(abs(item) <= LIMIT for item in value)
    return True


def draw_program(rng: random.Random, counts: tuple[int, ...] = (1, 2, 2, 3, 3), vague: float = 0.5) -> Program:
    """Draw a program: a list in 65 of 100, a reduction at the end in about a third.

    `counts` are the numbers of steps to choose from, `vague` is the share of vague descriptions.
    """
    kind = "list" if rng.random() < 0.65 else "str"
    total = rng.choice(counts)
    steps: list[Step] = []
    for index in range(total):
        reduces = index == total - 1 and rng.random() < 0.35
        families = sorted({op.vague for op in OPS[kind] if op.reduces == reduces})
        # Families first, so that a family with many operations does not crowd out the others;
        # half of the time by operation, so that those of large families are seen often enough.
        if rng.random() < 0.5:
            op = rng.choice(SIBLINGS[rng.choice(families)])
        else:
            op = rng.choice([op for op in OPS[kind] if op.reduces == reduces])
        steps.append(Step(op, op.draw(rng), rng.random() < vague))
    return Program(rng.choice(FUNCTION_NAMES), kind, tuple(steps))
