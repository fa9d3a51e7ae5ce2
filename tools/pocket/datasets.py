"""The held-out sets, and the fixtures that tie the product's renderer and tokenizer to ours.

`dev.jsonl` and `test.jsonl` hold tasks whose skeletons training never shows; `train_probe.jsonl` holds
tasks of training skeletons with constants and inputs of its own, to tell forgetting from not generalising.
`train_tasks.jsonl` holds tasks of further training skeletons, none of them in the three others: what a model
is fine-tuned on.  `datasets.py --tasks` writes that set alone.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from entries import Entry, draw_signal, evaluate
from programs import draw_program, skeleton
from tasks import HIDDEN, Task, draw_task
from texts import END, draw_example, guided_example, plain_example, task_prompt
from tokenizer import load_tokenizer

SETS = {"dev": 200, "test": 500, "train_probe": 100, "train_tasks": 300}
FOLDER = Path(__file__).parent


def draw_set(name: str, size: int, taken: frozenset[str] = frozenset()) -> list[Task]:
    """Tasks of two or three steps from one split, each with a skeleton of its own that is not taken."""
    rng = random.Random(f"pocket-held-out-{name}")
    split = "train" if name.startswith("train_") else name
    tasks: list[Task] = []
    seen = set(taken)
    while len(tasks) < size:
        program = draw_program(rng, (2, 3))
        key = skeleton(program.text)
        if program.split != split or key in seen:
            continue
        task = draw_task(rng, program, HIDDEN)
        if task is None:
            continue
        all_tests = task.tests + task.hidden
        assert len({repr(test.argument) for test in all_tests}) == len(all_tests)
        assert evaluate(program.text, program.name, program.kind, True, all_tests).passes
        seen.add(key)
        tasks.append(task)
    return tasks


def record(name: str, number: int, task: Task) -> dict[str, Any]:
    """One line of a set."""
    program = task.program
    return {
        "task_id": f"pocket/{name}/{number}",
        "prompt": task.description,
        "entry_point": program.name,
        "tests": [test.assertion(program.name) for test in task.tests],
        "hidden_tests": [test.assertion(program.name) for test in task.hidden],
        "solution": program.text,
        "steps": len(program.steps),
        "vague": sum(step.vague for step in program.steps),
    }


def skeletons(folder: Path, name: str) -> frozenset[str]:
    """The skeletons of a set that was written."""
    lines = (folder / f"{name}.jsonl").read_text().splitlines()
    return frozenset(skeleton(json.loads(line)["solution"]) for line in lines)


def write_set(folder: Path, name: str) -> None:
    """Write one set; the training tasks keep away from the probe's skeletons."""
    taken = skeletons(folder, "train_probe") if name == "train_tasks" else frozenset()
    rows = [record(name, number, task) for number, task in enumerate(draw_set(name, SETS[name], taken))]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def entry_record(entry: Entry) -> dict[str, Any]:
    """An entry as the renderer's input."""
    results = []
    for result in entry.results:
        row: dict[str, Any] = {"call": result.call, "outcome": result.outcome,
                               "locals": [list(pair) for pair in result.locals]}
        if result.exception is not None:
            row["exception"] = result.exception
        elif result.value is not None:
            row["value"] = result.value
        results.append({**row, "expected": result.expected})
    return {"code": entry.code, "finished": entry.finished, "results": results}


def prompt_fixtures(count: int = 20) -> list[dict[str, Any]]:
    """Prompts with their inputs; all four outcomes occur, and one prompt has no signal block."""
    rng = random.Random("pocket-fixtures")
    rows: list[dict[str, Any]] = []
    outcomes: set[str] = set()
    while len(rows) < count:
        task = draw_task(rng)
        if task is None or task.program.split == "test":
            continue
        entries = draw_signal(task, rng).entries if rows else ()
        new = {result.outcome for entry in entries for result in entry.results}
        if len(rows) == count - 1 and "raise" not in outcomes | new:
            continue
        outcomes |= new
        tests = [test.assertion(task.program.name) for test in task.tests]
        rows.append({"description": task.description, "tests": tests,
                     "entries": [entry_record(entry) for entry in entries], "text": task_prompt(task, entries)})
    assert outcomes == {"pass", "fail", "raise", "open"}
    return rows


def token_fixtures(tokenizer_path: Path, count: int = 200) -> list[dict[str, Any]]:
    """Texts and their token ids: whole training texts, lone prompts and pieces that a decoder meets."""
    tokenizer = load_tokenizer(tokenizer_path)
    texts = ["\n", "    ", "\n\n    ", "def scale(", "-12345 67", "a = ''\n",
             "\u00e9t\u00e9 \u4f60\u597d 42\r\n", " x  y   z",
             "class Foo:\n\tpass\n", "x != 'a' // 3 ** 2 @ $ ~ ^ | `"]
    rng = random.Random("pocket-token-fixtures")
    while len(texts) < count:
        if len(texts) % 3 == 0:
            texts.append(draw_example(77, len(texts)).text)
            continue
        task = draw_task(rng)
        if task is not None and task.program.split != "test":
            guided = guided_example(task, draw_signal(task, rng))
            texts.append(guided.head if len(texts) % 3 == 1 else plain_example(task).head)
    rows = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids} for text in texts]
    assert all(END not in row["text"] for row in rows)
    return rows


def main() -> None:
    """`datasets.py TOKENIZER.json`: write the sets and the fixtures beside this file; `--tasks`: the training tasks."""
    if sys.argv[1:] == ["--tasks"]:
        write_set(FOLDER, "train_tasks")
        return
    for name in SETS:
        write_set(FOLDER, name)
    fixtures = FOLDER / "fixtures"
    fixtures.mkdir(exist_ok=True)
    (fixtures / "prompts.json").write_text(json.dumps(prompt_fixtures(), indent=1) + "\n")
    (fixtures / "tokens.json").write_text(json.dumps(token_fixtures(Path(sys.argv[1]))) + "\n")


if __name__ == "__main__":
    main()
