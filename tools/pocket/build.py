"""Rebuild the embedded model from nothing: `python3 tools/pocket/build.py`.

Each stage leaves a file and is skipped where that file is there already; training takes up its last
checkpoint.  So after an interruption the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ASSET = FOLDER.parent.parent / "crates" / "egcfg-model" / "assets" / "pocket.gguf"
TOKENS = 21_600_000


@dataclass(frozen=True)
class Phase:
    """A part of the run: until how many tokens, on which mix of texts, and how."""

    until: int
    mix: str
    runs_weight: float  # the loss weight of the signal block
    lr: float = 2e-3
    matrix_lr: float = 0.01
    batch_tokens: int = 3200


# Learning to read the task and to copy from a block each took off only once the texts were mostly about it;
# foretelling what the runs gave is dense practice in both.  Before the drill the model followed a passing entry only where
# it would have gone by itself; the drill's texts leave it no other way.  The last phase, where the rates fall, has it all.
PHASES = (
    Phase(2_850_000, "full", 0.1, 3e-3, 0.02, 3600),
    Phase(3_915_000, "full", 0.4, 3e-3, 0.02, 3600),
    Phase(5_715_000, "reading", 0.4, batch_tokens=3000),
    Phase(8_063_000, "middle", 0.3),
    Phase(9_981_000, "copying", 0.2, batch_tokens=3000),
    Phase(13_666_000, "final", 0.1),
    Phase(14_748_000, "strong", 0.1),
    Phase(16_030_000, "drill", 0.1, matrix_lr=0.015, batch_tokens=3000),
    Phase(TOKENS, "strong", 0.1, matrix_lr=0.012),
)
# Large buffers come and go in every step: keep them instead of returning them to the system.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
}


def run(python: Path | str, *arguments: str | Path) -> str:
    """Run one of our scripts (or a module) and give back its output."""
    environment = {**os.environ, **MALLOC, "OMP_NUM_THREADS": "1"}
    command = [str(python), *map(str, arguments)]
    print("+", " ".join(command), file=sys.stderr)
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def make_environment(out: Path) -> Path:
    """A virtual environment with the pinned requirements."""
    python = out / "venv" / "bin" / "python"
    mark = out / "venv" / "complete"
    if not mark.exists():
        run(sys.executable, "-m", "venv", out / "venv")
        run(python, "-m", "pip", "install", "-q", "-r", FOLDER / "requirements.txt")
        mark.touch()
    return python


def main() -> None:
    """Build everything; `--tokens` for a shorter trial, `--out` for the scratch folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "build")
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--asset", type=Path, default=ASSET)
    args = parser.parse_args()
    out: Path = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    python = make_environment(out)
    run(python, FOLDER / "selfcheck.py")
    tokenizer, checkpoint = FOLDER / "tokenizer.json", out / "run" / "checkpoint.pt"
    if not tokenizer.exists():
        partial = out / "tokenizer.partial"
        run(python, FOLDER / "tokenizer.py", partial)
        partial.replace(tokenizer)
    run(python, FOLDER / "datasets.py", tokenizer)
    for phase in PHASES:
        until = phase.until * args.tokens // TOKENS
        rates = ("--lr", str(phase.lr), "--matrix-lr", str(phase.matrix_lr), "--batch-tokens", str(phase.batch_tokens))
        run(python, FOLDER / "train.py", "--out", out / "run", "--tokenizer", tokenizer, "--tokens", str(args.tokens),
            "--until", str(until), "--mix", phase.mix, "--runs-weight", str(phase.runs_weight), *rates)
    scores = json.loads(run(python, FOLDER / "evaluate.py", checkpoint, tokenizer, "--tasks", "200", "--oracle"))
    print(json.dumps(scores))
    run(python, FOLDER / "export.py", checkpoint, tokenizer, args.asset, "--score-dev", str(scores["greedy"]["hidden"]))
    print(run(python, FOLDER / "verify.py", checkpoint, tokenizer, args.asset))


if __name__ == "__main__":
    main()
