"""Hold an exported file against its checkpoint by a second forward pass, written in numpy.

It follows what llama.cpp does with the file's own tensors and metadata (rotation of neighbouring pairs,
the embedding as output), so a tensor that was swapped, turned or left out shows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader

from evaluate import load_model
from stream import encode_example
from texts import draw_example
from tokenizer import load_tokenizer

TOLERANCE = 0.05  # f16 weights against f32, in logits


def _meta(reader: GGUFReader, key: str) -> Any:
    return reader.get_field(key).contents()


def _norm(x: np.ndarray, gain: np.ndarray, eps: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * gain


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def forward(reader: GGUFReader, ids: list[int]) -> np.ndarray:
    """Logits of every position, from the file alone."""
    held = {t.name: np.asarray(t.data, dtype=np.float32) for t in reader.tensors}
    heads, eps = _meta(reader, "llama.attention.head_count"), _meta(reader, "llama.attention.layer_norm_rms_epsilon")
    width, base = _meta(reader, "llama.rope.dimension_count"), _meta(reader, "llama.rope.freq_base")
    x = held["token_embd.weight"][ids]
    time = len(ids)
    angles = np.outer(np.arange(time), base ** (-np.arange(0, width, 2) / width)).astype(np.float32)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]

    def turned(v: np.ndarray) -> np.ndarray:
        v = v.reshape(time, heads, width)
        out = np.empty_like(v)
        out[..., 0::2] = v[..., 0::2] * cos - v[..., 1::2] * sin
        out[..., 1::2] = v[..., 0::2] * sin + v[..., 1::2] * cos
        return out.transpose(1, 0, 2)

    hidden = np.triu(np.full((time, time), -np.inf, dtype=np.float32), 1)
    for index in range(_meta(reader, "llama.block_count")):
        layer = {n.split(".")[2]: t.T for n, t in held.items() if n.startswith(f"blk.{index}.")}
        h = _norm(x, layer["attn_norm"], eps)
        q, k = turned(h @ layer["attn_q"]), turned(h @ layer["attn_k"])
        v = (h @ layer["attn_v"]).reshape(time, heads, width).transpose(1, 0, 2)
        seen = _softmax(q @ k.transpose(0, 2, 1) / width**0.5 + hidden) @ v
        x = x + seen.transpose(1, 0, 2).reshape(time, -1) @ layer["attn_output"]
        h = _norm(x, layer["ffn_norm"], eps)
        gate = h @ layer["ffn_gate"]
        x = x + (gate / (1 + np.exp(-gate)) * (h @ layer["ffn_up"])) @ layer["ffn_down"]
    return _norm(x, held["output_norm.weight"], eps) @ held["token_embd.weight"].T


def main() -> None:
    """`verify.py CHECKPOINT TOKENIZER FILE.gguf`: fails where the two differ."""
    checkpoint, tokenizer_path, path = (Path(argument) for argument in sys.argv[1:4])
    model, _ = load_model(checkpoint)
    tokenizer = load_tokenizer(tokenizer_path)
    reader = GGUFReader(path)
    tokens = _meta(reader, "tokenizer.ggml.tokens")
    assert [tokenizer.token_to_id(token) for token in tokens] == list(range(len(tokens)))
    worst = 0.0
    for index in range(4):
        ids = encode_example(tokenizer, draw_example(31, index))[0]
        with torch.inference_mode():
            own = model(torch.tensor([ids]))[0].numpy()
        worst = max(worst, float(np.abs(own - forward(reader, ids)).max()))
    print(f"largest difference in logits: {worst:.4f}")
    assert worst < TOLERANCE


if __name__ == "__main__":
    main()
