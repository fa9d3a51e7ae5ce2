"""Checks of the generator: operations against their code, normal form, splits, the written sets, and the format's rules."""

from __future__ import annotations

import ast
import random

from pathlib import Path

from datasets import SETS, skeletons
from domain import OPS, draw_input
from entries import draw_signal, evaluate
from programs import Program, Step, draw_program, split_of_text
from tasks import Test, draw_task
from texts import draw_example


def check_operations(rng: random.Random) -> None:
    """Every operation's text does what its function does."""
    for kind, ops in OPS.items():
        for op in ops:
            for _ in range(20):
                program = Program("f", kind, (Step(op, op.draw(rng), False),))
                argument = draw_input(kind, rng)
                entry = evaluate(program.text, "f", kind, True, (Test(argument, program.run(argument)),))
                assert entry.passes, (program.text, argument)


def check_programs(rng: random.Random) -> None:
    """Programs are in the normal form of `ast.unparse`, and the cached split is the text's split."""
    for _ in range(500):
        program = draw_program(rng, (2, 3))
        assert ast.unparse(ast.parse(program.text)) + "\n" == program.text, program.text
        assert program.split == split_of_text(program.text), program.text


def check_signals(rng: random.Random) -> None:
    """Entries are distinct and ordered, share the prefix, and the target begins with it."""
    done = 0
    while done < 500:
        task = draw_task(rng)
        if task is None:
            continue
        done += 1
        signal = draw_signal(task, rng)
        codes = [entry.code for entry in signal.entries]
        assert codes and len(set(codes)) == len(codes)
        assert [e.rank for e in signal.entries] == sorted(e.rank for e in signal.entries)
        prefix = "".join(line + "\n" for line in task.program.lines[: signal.cut])
        assert signal.target.startswith(prefix)
        assert all(code.startswith(prefix) for code in codes)
        if not signal.has_pass:
            assert signal.target == task.program.text


def check_sets(folder: Path) -> None:
    """Of the written sets no two share a skeleton."""
    known = {name: skeletons(folder, name) for name in SETS if (folder / f"{name}.jsonl").exists()}
    for name, own in known.items():
        assert len(own) == SETS[name], (name, len(own))
        for other, theirs in known.items():
            assert name == other or not own & theirs, (name, other, sorted(own & theirs)[:3])


def main() -> None:
    """Run all checks."""
    rng = random.Random(5)
    check_operations(rng)
    check_programs(rng)
    check_signals(rng)
    check_sets(Path(__file__).parent)
    assert draw_example(3, 7) == draw_example(3, 7)
    print("generator checks passed")


if __name__ == "__main__":
    main()
