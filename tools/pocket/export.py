"""Export a checkpoint as a GGUF file that llama.cpp loads.

Matrices are f16, norms f32.  There is no output matrix: llama.cpp takes the embedding where it is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer

from evaluate import load_model
from model import Pocket
from texts import END, draw_example
from tokenizer import load_tokenizer

FOLDER = Path(__file__).parent
SCRIPTS = ("domain", "entries", "model", "optimizer", "programs", "stream", "tasks", "texts", "tokenizer", "train")
HASHED_EXAMPLES = 1000


def script_sha256() -> str:
    """The hash of the modules that decide what is trained: each name and content, in order of name."""
    digest = hashlib.sha256()
    for name in SCRIPTS:
        content = (FOLDER / f"{name}.py").read_bytes()
        digest.update(f"{name}.py {len(content)}\n".encode() + content)
    return digest.hexdigest()


def data_sha256(seed: int) -> str:
    """The hash of the first texts of the training stream, each with its end mark."""
    digest = hashlib.sha256()
    for index in range(HASHED_EXAMPLES):
        digest.update((draw_example(seed, index).text + END).encode())
    return digest.hexdigest()


def tensors(model: Pocket) -> Iterator[tuple[str, np.ndarray]]:
    """All tensors under their GGUF names, joined matrices taken apart."""
    yield "token_embd.weight", model.embedding.weight.detach().numpy()
    yield "output_norm.weight", model.norm.weight.detach().numpy()
    for index, block in enumerate(model.blocks):
        parts = {"attn_norm": block.norm1.weight, "attn_output": block.out.weight, "ffn_norm": block.norm2.weight,
                 "ffn_down": block.down.weight}
        parts.update(zip(("attn_q", "attn_k", "attn_v"), block.qkv.weight.chunk(3), strict=True))
        parts.update(zip(("ffn_gate", "ffn_up"), block.gate_up.weight.chunk(2), strict=True))
        for name, value in parts.items():
            yield f"blk.{index}.{name}.weight", np.ascontiguousarray(value.detach().numpy())


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """The vocabulary and the merges; the end token ends generation, nothing is put before a text."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("deepseek-coder")
    writer.add_token_list([token for token, _ in vocabulary])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token == END else normal for token, _ in vocabulary])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)


def export(checkpoint: Path, tokenizer_path: Path, out: Path, score_dev: float) -> None:
    """Write the GGUF file, whole or not at all."""
    model, position = load_model(checkpoint)
    config = model.config
    partial = out.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    writer.add_name("pocket")
    writer.add_description("a small model for short list and string functions, made by egcfg's tools/pocket")
    writer.add_license("MIT OR Apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config.vocabulary)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.hidden)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.heads)
    writer.add_layer_norm_rms_eps(config.eps)
    writer.add_rope_dimension_count(config.head_width)
    writer.add_rope_freq_base(config.rope_base)
    add_tokenizer(writer, load_tokenizer(tokenizer_path))
    writer.add_string("egcfg.prompt_template", "pocket")
    writer.add_string("egcfg.script_sha256", script_sha256())
    writer.add_string("egcfg.data_sha256", data_sha256(position["phases"][-1]["seed"]))
    writer.add_uint64("egcfg.train_tokens", position["tokens"])
    writer.add_float32("egcfg.score_dev", score_dev)
    for name, value in tensors(model):
        writer.add_tensor(name, value.astype(np.float32 if value.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, out)


def main() -> None:
    """`export.py CHECKPOINT TOKENIZER OUT.gguf --score-dev S`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--score-dev", type=float, default=0.0)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    export(args.checkpoint, args.tokenizer, args.out, args.score_dev)


if __name__ == "__main__":
    main()
