"""Batched decoding with a cache, and judging of what was decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from entries import BUILTINS, time_limit
from model import Cache, Pocket

NEW_TOKENS = 200


@torch.inference_mode()
def decode(model: Pocket, tokenizer: Tokenizer, heads: list[str], new_tokens: int = NEW_TOKENS,
           pick: Callable[[Tensor], Tensor] | None = None, group: int = 40, stop: str = "") -> list[str]:
    """Continue each head until the end token, greedily or as `pick` chooses from the logits.

    A `stop` that is a token of its own (the newline is) ends a text too, and is kept.
    """
    last = tokenizer.encode(stop, add_special_tokens=False).ids[0] if stop else 0
    encoded = [tokenizer.encode(head, add_special_tokens=False).ids for head in heads]
    order = sorted(range(len(heads)), key=lambda i: len(encoded[i]))
    out = [""] * len(heads)
    for start in range(0, len(order), group):
        members = order[start: start + group]
        found = _continue(model, [encoded[i] for i in members], new_tokens, pick, last)
        for index, ids in zip(members, found, strict=True):
            out[index] = tokenizer.decode(ids)
    return out


def _continue(model: Pocket, rows: list[list[int]], new_tokens: int,
              pick: Callable[[Tensor], Tensor] | None, last: int) -> list[list[int]]:
    longest = max(len(row) for row in rows)
    new_tokens = min(new_tokens, model.config.context - longest)
    pads = torch.tensor([longest - len(row) for row in rows])
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    columns = torch.arange(longest + new_tokens)
    visible = columns[None, :] >= pads[:, None]  # padding stands on the left and is never seen
    positions = (columns[None, :longest] - pads[:, None]).clamp_min(0)
    causal = columns[None, :longest] <= columns[:longest, None]
    # A padding row sees itself, so that no softmax runs over nothing.
    mask = (causal[None] & visible[:, None, :longest]) | torch.eye(longest, dtype=torch.bool)[None]
    cache: Cache | None = None
    out: list[list[int]] = [[] for _ in rows]
    open_rows = [True] * len(rows)
    for length in range(longest, longest + new_tokens):
        logits, cache = model.step(ids, positions, mask[:, None], cache)
        chosen = pick(logits) if pick else logits.argmax(-1)
        for row, token in enumerate(chosen.tolist()):
            open_rows[row] = open_rows[row] and token != 0
            if open_rows[row]:
                out[row].append(token)
                open_rows[row] = last == 0 or token != last
        if not any(open_rows):
            break
        ids, positions = chosen[:, None], (length - pads)[:, None]
        mask = visible[:, None, : length + 1]
    return out


def passes(code: str, assertions: list[str]) -> bool:
    """Whether the program holds all asserts; one that runs too long does not."""
    try:
        with time_limit():
            namespace: dict[str, Any] = {"__builtins__": dict(BUILTINS)}
            exec(compile("\n".join([code, *assertions]), "<decoded>", "exec"), namespace)  # noqa: S102
    except Exception:  # noqa: BLE001 - whatever it raises, it did not pass
        return False
    return True
