"""The training stream: examples by (seed, index), packed into batches of like length.

Window `w` of the stream is a pure function of (seed, w), so a run that was stopped goes on with the
very batch that came next, and the windows can be made ahead of time by another process.  This module
does not import torch: the process that runs it starts quickly and stays small.
"""

from __future__ import annotations

import multiprocessing
import random
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from texts import CATEGORIES, MIXES, TASK_WEIGHT, Example, draw_example
from tokenizer import load_tokenizer

WINDOW = 256
LONGEST = 1400
ROUND = 16
LOOKAHEAD = 3


@dataclass(frozen=True)
class Batch:
    """Padded token ids, per-token loss weights (of the token itself) and each text's category."""

    ids: np.ndarray
    weights: np.ndarray
    categories: np.ndarray
    tokens: int


def encode_example(tokenizer: Tokenizer, example: Example) -> tuple[list[int], int, int]:
    """The ids, end token included, and where the runs and the tail begin.

    The parts are encoded apart, as at run time; they meet at a newline, which is a token alone.
    """
    task, runs, tail = (tokenizer.encode(part, add_special_tokens=False).ids
                        for part in (*example.task_and_runs, example.tail))
    return [*task, *runs, *tail, 0], len(task), len(task) + len(runs)


@lru_cache(maxsize=1)
def _tokenizer(path: str) -> Tokenizer:
    return load_tokenizer(Path(path))


Row = tuple[list[int], int, int, int]  # ids, where the runs begin, where the tail begins, category


def _pack(rows: list[Row], runs_weight: float) -> Batch:
    longest = max(len(row[0]) for row in rows)
    width = (longest + ROUND - 1) // ROUND * ROUND + 1  # inputs and targets are one shorter
    ids = np.zeros((len(rows), width), dtype=np.int32)
    weights = np.zeros((len(rows), width), dtype=np.float32)
    for row, (tokens, runs, tail, _) in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        weights[row, :runs] = TASK_WEIGHT
        weights[row, runs:tail] = runs_weight
        weights[row, tail: len(tokens)] = 1.0
    categories = np.array([row[3] for row in rows], dtype=np.int64)
    return Batch(ids, weights, categories, sum(len(row[0]) for row in rows))


def _cost(length: int) -> float:
    """What a text costs, in tokens of a short text: attention makes long ones dearer.

    Batches of like cost keep workers that wait for each other from waiting long.
    """
    return length * (1 + length / 1500)


def make_window(path: str, seed: int, window: int, batch_tokens: int, runs_weight: float, mix: str) -> list[Batch]:
    """The batches of one window: texts of like length together, batches in random order."""
    tokenizer = _tokenizer(path)
    rows: list[Row] = []
    for index in range(window * WINDOW, (window + 1) * WINDOW):
        example = draw_example(seed, index, MIXES[mix])
        ids, runs, tail = encode_example(tokenizer, example)
        if len(ids) <= LONGEST:
            rows.append((ids, runs, tail, CATEGORIES.index(example.category)))
    rows.sort(key=lambda row: len(row[0]))
    batches: list[Batch] = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or _cost(len(rows[end][0])) * (end + 1 - start) > batch_tokens:
            batches.append(_pack(rows[start:end], runs_weight))
            start = end
    random.Random(f"pocket-order-{seed}-{window}").shuffle(batches)
    return batches


def stream(path: Path, seed: int, batch_tokens: int, window: int, skip: int, stride: int,
           runs_weight: float, mix: str) -> Iterator[tuple[int, int, Batch]]:
    """Yield (window, number in the window, batch) from a position on, for ever.

    A worker among `stride` workers takes every `stride`-th window, so that no two see the same text.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        ahead: deque[Future[list[Batch]]] = deque()
        following = window
        while True:
            while len(ahead) < LOOKAHEAD:
                ahead.append(pool.submit(make_window, str(path), seed, following, batch_tokens, runs_weight, mix))
                following += stride
            for number, batch in enumerate(ahead.popleft().result()):
                if number >= skip:
                    yield window, number, batch
            window, skip = window + stride, 0
