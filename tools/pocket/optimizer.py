"""Muon for the hidden matrices, AdamW for the embedding and the norms.

Muon replaces a matrix's momentum by the nearest (semi-)orthogonal matrix, found by a few steps of a
Newton-Schulz iteration.  Matrices of one shape are stacked, so that each step is one batched product.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from model import Pocket

# Coefficients of a quintic iteration that drives all singular values towards one quickly.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalise(stack: Tensor, steps: int = 5) -> Tensor:
    """The approximate orthogonal factor of each matrix of the stack, rows no more than columns."""
    x = (stack / (stack.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.to(stack.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised, over lists of (parameter, number of matrices joined along its rows)."""

    def __init__(self, parts: Iterable[tuple[nn.Parameter, int]], lr: float, momentum: float, decay: float) -> None:
        pairs = list(parts)
        self.joined = {id(parameter): count for parameter, count in pairs}
        super().__init__([p for p, _ in pairs], {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update of all matrices."""
        for group in self.param_groups:
            stacks: dict[tuple[int, int], list[tuple[nn.Parameter, int, bool, Tensor]]] = {}
            for parameter in group["params"]:
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                held = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(held, group["momentum"])
                for index, part in enumerate(ahead.chunk(self.joined[id(parameter)])):
                    tall = part.shape[0] > part.shape[1]
                    flat = part.T if tall else part
                    stacks.setdefault((flat.shape[0], flat.shape[1]), []).append((parameter, index, tall, flat))
            for members in stacks.values():
                updates = orthogonalise(torch.stack([flat for *_, flat in members]))
                for (parameter, index, tall, _), update in zip(members, updates, strict=True):
                    target = parameter.data.chunk(self.joined[id(parameter)])[index]
                    scale = max(1.0, target.shape[0] / target.shape[1]) ** 0.5
                    target.mul_(1 - group["lr"] * group["decay"])
                    target.add_(update.T if tall else update, alpha=-group["lr"] * scale)


class Optimizers:
    """Both optimisers behind one step; learning rates follow one schedule factor."""

    def __init__(self, model: Pocket, kind: str, lr: float, matrix_lr: float, decay: float) -> None:
        parts: list[tuple[nn.Parameter, int]] = []
        for block in model.blocks:
            parts += [(block.qkv.weight, 3), (block.out.weight, 1), (block.gate_up.weight, 2), (block.down.weight, 1)]
        matrices = {id(parameter) for parameter, _ in parts}
        others = [p for p in model.parameters() if id(p) not in matrices]
        self.members: list[torch.optim.Optimizer] = []
        groups = [{"params": others, "weight_decay": 0.0}]
        if kind == "muon":
            self.members.append(Muon(parts, matrix_lr, 0.95, decay))
        else:
            groups.append({"params": [p for p, _ in parts], "weight_decay": 0.1})
        self.members.append(torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=True))
        self.base = [[group["lr"] for group in member.param_groups] for member in self.members]

    def step(self, factor: float) -> None:
        """Set the rates to `factor` of their base, update, clear the gradients."""
        for member, rates in zip(self.members, self.base, strict=True):
            for group, rate in zip(member.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            member.step()
            member.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """The state of both, for a checkpoint."""
        return [member.state_dict() for member in self.members]

    def load(self, states: list[dict[str, Any]]) -> None:
        """Take up a checkpoint's state."""
        for member, state in zip(self.members, states, strict=True):
            member.load_state_dict(state)
