#!/usr/bin/env python3
"""Golden gradients for the built-in trainer: a tiny random Llama with a random adapter, computed by PyTorch,
transformers and PEFT.

    pip install torch transformers peft safetensors gguf
    python3 tools/goldens/make_tune_goldens.py

writes crates/egcfg-tune/tests/fixtures/: base.gguf (grouped heads, an output matrix of its own), adapter/ (PEFT's own
files), examples.jsonl, golden.safetensors (loss and gradient of every adapter matrix, for the objectives imitate and
distil), and stepped/ (the adapter after three steps of torch.optim.AdamW on imitate).
"""

import json
from pathlib import Path

import gguf
import numpy
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

OUT = Path(__file__).resolve().parents[2] / "crates" / "egcfg-tune" / "tests" / "fixtures"
WIDTH, LAYERS, HEADS, KEYS, WIDE, VOCAB, RANK, ALPHA = 32, 2, 4, 2, 48, 61, 4, 8.0
RATE, DECAY = 1e-2, 0.1


def permuted(weight, heads):
    """Rows in the order of a GGUF file of architecture llama."""
    out, width = weight.shape
    return weight.reshape(heads, 2, out // heads // 2, width).swapaxes(1, 2).reshape(out, width)


def write_gguf(model, path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    state = {name: tensor.numpy().astype(numpy.float32) for name, tensor in model.state_dict().items()}
    writer.add_tensor("token_embd.weight", state["model.embed_tokens.weight"])
    writer.add_tensor("output_norm.weight", state["model.norm.weight"])
    writer.add_tensor("output.weight", state["lm_head.weight"])
    parts = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    }
    for layer in range(LAYERS):
        for source, target in parts.items():
            weight = state[f"model.layers.{layer}.{source}.weight"]
            if target == "attn_q":
                weight = permuted(weight, HEADS)
            if target == "attn_k":
                weight = permuted(weight, KEYS)
            writer.add_tensor(f"blk.{layer}.{target}.weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def log_probs(model, prompt, answer):
    """Log-probabilities of every token of the vocabulary at each of the answer's positions."""
    tokens = torch.tensor([prompt + answer])
    logits = model(tokens).logits[0, len(prompt) - 1:-1]
    return torch.log_softmax(logits.double(), -1)


def loss_of(model, examples, distil):
    total = sum(e["weight"] * len(e["answer"]) for e in examples)
    loss = 0.0
    for example in examples:
        ours = log_probs(model, example["prompt"], example["answer"])
        if distil:
            with torch.no_grad(), model.disable_adapter():
                theirs = log_probs(model, example["teacher"], example["answer"])
            each = (theirs.exp() * (theirs - ours)).sum(-1)
        else:
            each = -ours[torch.arange(len(example["answer"])), torch.tensor(example["answer"])]
        loss = loss + example["weight"] * each.sum() / total
    return loss


def main():
    torch.manual_seed(7)
    OUT.mkdir(parents=True, exist_ok=True)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=WIDE, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KEYS, max_position_embeddings=128, rms_norm_eps=1e-5,
        rope_theta=10000.0, tie_word_embeddings=False, initializer_range=0.3,
    )
    model = LlamaForCausalLM(config).eval()
    for name, tensor in model.named_parameters():
        if "norm" in name:
            tensor.data.uniform_(0.5, 1.5)
    write_gguf(model, OUT / "base.gguf")
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(
        r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=targets, task_type="CAUSAL_LM"))
    for name, tensor in model.named_parameters():
        if "lora_" in name:
            tensor.data.normal_(0, 0.2)
    model.save_pretrained(OUT / "adapter", safe_serialization=True)
    (OUT / "adapter" / "README.md").unlink(missing_ok=True)
    random = numpy.random.default_rng(3)
    draw = lambda n: [int(t) for t in random.integers(0, VOCAB, n)]
    examples = [
        {"version": 1, "task_id": f"t{i}", "prompt": draw(p), "answer": draw(a), "weight": w, "teacher": draw(t)}
        for i, (p, a, w, t) in enumerate([(5, 7, 1.0, 11), (9, 4, 0.5, 6), (3, 12, 2.0, 20)])
    ]
    (OUT / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in examples))
    golden = {}
    parameters = {n: t for n, t in model.named_parameters() if t.requires_grad}
    for name, distil in [("imitate", False), ("distil", True)]:
        model.zero_grad()
        loss = loss_of(model, examples, distil)
        loss.backward()
        golden[f"{name}.loss"] = loss.detach().float().reshape(1)
        for parameter, tensor in parameters.items():
            golden[f"{name}.{parameter.replace('.default', '')}"] = tensor.grad.clone()
    save_file(golden, OUT / "golden.safetensors")
    optimizer = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=DECAY, betas=(0.9, 0.999), eps=1e-8)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(model, examples, False).backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimizer.step()
    (OUT / "stepped").mkdir(exist_ok=True)
    save_file({n.replace(".default", ""): t.detach().clone() for n, t in parameters.items()},
              OUT / "stepped" / "adapter_model.safetensors")


if __name__ == "__main__":
    main()
