"""Training: a resumable run on the CPU, one single-threaded process per core.

Processes that meet once per step lose far less on a shared machine than threads that meet in every
operation.  The learning rate warms up, stays constant and falls to zero over the last quarter of the
token budget.  While it is still constant, a run can be resumed with another `--tokens`: nothing before
depends on it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from model import Config, Pocket
from optimizer import Optimizers
from stream import Batch, stream
from texts import CATEGORIES

SAVE, STOP = 1.0, 1000.0


@dataclass(frozen=True)
class Settings:
    """What a run depends on besides the code."""

    tokens: int
    seed: int = 1
    workers: int = 2
    batch_tokens: int = 3600  # the cost of one worker's batch, see `stream._cost`
    optimizer: str = "muon"
    lr: float = 3e-3
    matrix_lr: float = 0.02
    decay: float = 0.01
    clip: float = 1.0
    warmup: int = 150_000
    decay_share: float = 0.25
    runs_weight: float = 0.1  # the loss weight of the signal block; see README.md
    mix: str = "full"  # one of texts.MIXES
    until: int = 0  # stop here, though the schedule goes on to `tokens`: for phases


@dataclass
class Position:
    """How far a run has come; `places` holds each worker's next (window, batch)."""

    tokens: int
    steps: int
    places: list[list[int]]
    phases: list[dict[str, Any]]


def factor(settings: Settings, done: float) -> float:
    """The learning rate's factor after `done` tokens."""
    falling = settings.tokens * settings.decay_share
    return max(0.0, min(1.0, (done + 1) / settings.warmup, (settings.tokens - done) / falling))


def losses(model: Pocket, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The weighted sum of losses, the sum of weights, and per category the tails' loss and length."""
    ids = torch.from_numpy(batch.ids).long()
    weights = torch.from_numpy(batch.weights)[:, 1:]
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(ids[:, :-1])
    each = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none").view_as(weights)
    tail = (weights > 0.99).float()
    rows = torch.stack(((each.detach() * tail).sum(1), tail.sum(1)), 1)
    table = torch.zeros(len(CATEGORIES), 2).index_add_(0, torch.from_numpy(batch.categories), rows)
    return (each * weights).sum(), weights.sum(), table


def reduce_gradients(model: Pocket, extra: list[Tensor]) -> list[Tensor]:
    """Add up all workers' gradients and `extra` values in one message; divide by the weights' sum.

    The first extra value is the sum of weights.
    """
    gradients = [parameter.grad for parameter in model.parameters()]
    flat = torch.cat([*(g.flatten() for g in gradients if g is not None), *(e.flatten() for e in extra)])
    dist.all_reduce(flat)
    weights = flat[-sum(e.numel() for e in extra)].clone()
    start = 0
    for gradient in gradients:
        assert gradient is not None
        gradient.copy_(flat[start: start + gradient.numel()].view_as(gradient) / weights)
        start += gradient.numel()
    out: list[Tensor] = []
    for value in extra:
        out.append(flat[start: start + value.numel()].view_as(value).clone())
        start += value.numel()
    return out


def save(path: Path, payload: dict[str, Any]) -> None:
    """Write a checkpoint so that a reader never meets half of one."""
    partial = path.with_suffix(".partial")
    torch.save(payload, partial)
    os.replace(partial, path)


def restore(path: Path, model: Pocket, optimizers: Optimizers, settings: Settings) -> Position:
    """Take up the checkpoint, or begin anew."""
    begin = Position(0, 0, [[rank, 0] for rank in range(settings.workers)], [])
    if path.exists():
        held = torch.load(path, weights_only=True)
        model.load_state_dict(held["model"])
        optimizers.load(held["optimizers"])
        begin = Position(**held["position"])
        assert len(begin.places) == settings.workers, "a run keeps its number of workers"
    begin.phases = [*begin.phases, {"from": begin.tokens, **asdict(settings)}]
    return begin


def work(rank: int, out: Path, tokenizer: Path, settings: Settings, save_every: float) -> None:
    """One worker: the same model in each, other texts."""
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    meeting = f"file://{out.resolve()}/meeting"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=settings.workers)
    model = Pocket(Config())
    optimizers = Optimizers(model, settings.optimizer, settings.lr, settings.matrix_lr, settings.decay)
    at = restore(out / "checkpoint.pt", model, optimizers, settings)
    window, skip = at.places[rank]
    log = (out / "log.jsonl").open("a", buffering=1) if rank == 0 else None
    last_save = last_log = time.monotonic()
    since, sums = 0, torch.zeros(len(CATEGORIES), 2)
    for window, number, batch in stream(tokenizer, settings.seed, settings.batch_tokens, window, skip, settings.workers,
                                        settings.runs_weight, settings.mix):
        total, weight, table = losses(model, batch)
        total.backward()
        now = time.monotonic()
        signal = SAVE if rank == 0 and now - last_save > save_every else 0.0
        signal += STOP if rank == 0 and (out / "stop").exists() else 0.0
        count = torch.tensor([float(batch.tokens), signal])
        _, table, count = reduce_gradients(model, [weight.detach().view(1), table, count])
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizers.step(factor(settings, at.tokens))
        seen = int(count[0].item())
        at.tokens, at.steps, since, sums = at.tokens + seen, at.steps + 1, since + seen, sums + table
        finished = at.tokens >= (settings.until or settings.tokens) or count[1].item() >= STOP
        if log is not None and (now - last_log > 30 or finished):
            speed, rate = round(since / (now - last_log)), round(factor(settings, at.tokens), 4)
            row: dict[str, Any] = {"tokens": at.tokens, "steps": at.steps, "per_second": speed, "factor": rate}
            for name, (loss, length) in zip(CATEGORIES, sums.tolist(), strict=True):
                row[name] = round(loss / max(length, 1), 4)
            log.write(json.dumps(row) + "\n")
            last_log, since, sums = now, 0, torch.zeros_like(sums)
        if count[1].item() > 0 or finished:
            places = [torch.zeros(2, dtype=torch.long) for _ in range(settings.workers)]
            dist.all_gather(places, torch.tensor([window, number + 1]))
            at.places = [place.tolist() for place in places]
            last_save = now
            if rank == 0:
                save(out / "checkpoint.pt", {"model": model.state_dict(), "optimizers": optimizers.state(),
                                             "position": asdict(at), "config": model.config.as_dict()})
        if finished:
            break
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """`train.py --out DIR --tokenizer FILE --tokens N`; a file DIR/stop makes it save and end."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=12e6)
    parser.add_argument("--save-every", type=float, default=120)
    for name, kind in (("seed", int), ("workers", int), ("batch_tokens", int), ("optimizer", str), ("lr", float),
                       ("matrix_lr", float), ("warmup", int), ("runs_weight", float), ("until", float), ("mix", str)):
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=getattr(Settings, name))
    args = vars(parser.parse_args())
    out, tokenizer, save_every = args.pop("out"), args.pop("tokenizer"), args.pop("save_every")
    settings = Settings(**{**args, "tokens": int(args["tokens"]), "until": int(args["until"])})
    out.mkdir(parents=True, exist_ok=True)
    for name in ("meeting", "stop"):
        (out / name).unlink(missing_ok=True)
    checkpoint = out / "checkpoint.pt"
    end = settings.until or settings.tokens
    if checkpoint.exists() and torch.load(checkpoint, weights_only=True)["position"]["tokens"] >= end:
        return
    torch.multiprocessing.spawn(work, (out, tokenizer, settings, save_every), settings.workers)


if __name__ == "__main__":
    main()
