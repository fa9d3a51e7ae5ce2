"""Writes the engine's golden numbers: a small Llama with random weights and linear rope scaling, as a GGUF file, and the
log-probabilities that Hugging Face transformers computes with the same weights at every position of several prompts.

    pip install torch transformers gguf numpy
    python tools/goldens/make_goldens.py crates/egcfg-model/tests/data

The same seed gives the same weights; the numbers may differ in the last digits between versions of torch, which are
recorded in the JSON file. The vocabulary is byte-level in the manner of GPT-2, cut down to 64 entries: an end token, a beginning
token, characters that short Python functions are made of, and a few merges, among them newlines with indentation.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers

SEED = 20250610
NAME = "tiny-linear-rope"
HIDDEN, INNER, LAYERS, HEADS, KV_HEADS = 32, 64, 2, 4, 2
HEAD = HIDDEN // HEADS
CONTEXT, ROPE_FACTOR, ROPE_BASE, EPSILON = 512, 4.0, 10000.0, 1e-5
SPACE, NEWLINE = "\u0120", "\u010a"  # how GPT-2's byte alphabet writes a space and a newline
MERGES = [
    (SPACE, SPACE),
    (SPACE + SPACE, SPACE + SPACE),
    (NEWLINE, SPACE * 4),
    ("r", "e"),
    ("t", "u"),
    ("re", "tu"),
    ("d", "e"),
    ("de", "f"),
]
CHARACTERS = "abcdefghilnoprstuvxy0123456789()[]:,.+-*%=<>_'#\"" + SPACE + NEWLINE
PROMPT_LENGTHS = [1, 7, 40, 150]


def vocabulary():
    """Texts in id order: control tokens, characters, merged entries; filled up to 64 with unused entries."""
    texts = ["<|end|>", "<|begin|>", *CHARACTERS, *(left + right for left, right in MERGES)]
    assert len(set(texts)) == len(texts)
    texts += [f"<|unused{i}|>" for i in range(64 - len(texts))]
    assert len(texts) == 64, len(texts)
    return texts


def make_model():
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=EPSILON,
        rope_parameters={"rope_type": "linear", "factor": ROPE_FACTOR, "rope_theta": ROPE_BASE},
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).float().eval()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.copy_(1.0 + 0.2 * torch.randn(weight.shape, generator=generator))
            else:
                # Larger than a usual initialisation, so that attention and logits are far from uniform.
                spread = 1.0 if "embed" in name else 2.0 / weight.shape[1] ** 0.5
                weight.copy_(spread * torch.randn(weight.shape, generator=generator))
    return model


def interleave(weight, heads):
    """Transformers rotates the two halves of a head, GGUF's llama architecture neighbouring pairs: reorder the rows."""
    return weight.reshape(heads, 2, HEAD // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(model, path):
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(NAME)
    writer.add_description("random weights for tests; made by tools/goldens/make_goldens.py")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(ROPE_FACTOR)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_string("egcfg.prompt_template", "tiny")
    texts = vocabulary()
    kind = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(texts)
    writer.add_token_types(
        [
            kind.CONTROL if i < 2 else kind.UNUSED if text.startswith("<|unused") else kind.NORMAL
            for i, text in enumerate(texts)
        ]
    )
    writer.add_token_merges([f"{left} {right}" for left, right in MERGES])
    writer.add_eos_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}")
    names = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    parts = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    for layer in range(LAYERS):
        for source, target in parts.items():
            names[f"model.layers.{layer}.{source}.weight"] = f"blk.{layer}.{target}.weight"
    for name, tensor in model.state_dict().items():
        array = tensor.numpy().astype(np.float32)
        if "q_proj" in name:
            array = interleave(array, HEADS)
        elif "k_proj" in name:
            array = interleave(array, KV_HEADS)
        writer.add_tensor(names[name], np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def golden(model):
    """Per prompt: token ids and, after each of them, the log-probabilities of all 64 tokens (computed in float64 from the
    float32 logits)."""
    generator = torch.Generator().manual_seed(SEED + 1)
    prompts = []
    for length in PROMPT_LENGTHS:
        tokens = torch.randint(0, 60, (1, length), generator=generator)
        with torch.no_grad():
            logits = model(tokens).logits[0].double()
        rows = torch.log_softmax(logits, dim=-1)
        prompts.append(
            {
                "tokens": tokens[0].tolist(),
                "log_probs": [[round(x, 6) for x in row] for row in rows.tolist()],
            }
        )
    return prompts


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    model = make_model()
    write_gguf(model, folder / f"{NAME}.gguf")
    document = {
        "model": f"{NAME}.gguf",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "rope": {"type": "linear", "factor": ROPE_FACTOR, "base": ROPE_BASE},
        "prompts": golden(model),
    }
    (folder / f"{NAME}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
