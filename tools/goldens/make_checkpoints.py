"""Writes the golden numbers of the conversion: per family of models a folder with `config.json`, `tokenizer.json` and
`tokenizer_config.json` built as that family's are, and `golden.json` with what Hugging Face's libraries make of it.

    pip install torch transformers tokenizers sentencepiece gguf numpy
    python tools/goldens/make_checkpoints.py crates/egcfg-hub/tests/data

Weights are not stored: they follow from a formula over the tensor's name and the element's number, which the Rust tests
compute too (`weight`). Nor are texts: text k is made of fragments that a hash of k picks (`text`), and of its tokens a short
hash is stored. The tokenizers are trained on modules of the standard library; their structure is what counts.
"""

import hashlib
import json
import statistics
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import tokenizers
import torch
import transformers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

VOCAB = 640
TEXTS = 3000
SPELLED_OUT = 40  # texts whose tokens are stored in full
LENGTHS = [1, 9, 70]
EVERY = 8  # of the log-probabilities every so many are stored

FRAGMENTS = [
    *"abcxyz019_()[]{}:;,.+-*/=<>!?@#%&|^~`'\"\\$",
    "def", "return", "for", "in", "range", "self", "len", "__init__", "None", "numbers", "HTTPServer", "camelCase",
    " ", " ", " ", "  ", "    ", "        ", "\n", "\n", "\n\n", "\n    ", "\r\n", "\t", "\n\t\t",
    " def", " x", " =", " ==", "):\n", "\"\"\"", "'s", "'re", " don't", "it'LL", "1234", " 3.14", "0xff", "1e-9",
    "é", "ß", "naïve", "Ω", "привет", " мир", "中文", "字符串", "こんにちは", "한국어", "العربية", "🙂", "👩", "½", "²", "٣", "€", "–", "“x”",
    "\u00a0", "\u3000", "\u200b",
]  # fmt: skip


def mix(x):
    """A 32-bit hash of 32-bit numbers, on arrays."""
    x = np.asarray(x, dtype=np.uint64)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def weight(name, shape):
    """Element i of a tensor: (h / 2^23 - 1) * scale, h the upper 24 bits of mix(crc of name + i); norms are 1 more."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    count = int(np.prod(shape))
    bits = mix((seed + np.arange(count, dtype=np.uint64)) & np.uint64(0xFFFFFFFF)) >> np.uint64(8)
    unit = bits.astype(np.float32) / np.float32(2**23) - np.float32(1)
    if "embed_tokens" in name or name.endswith("bias"):
        scale, shift = 1.0, 0.0
    elif len(shape) == 1:
        scale, shift = 0.25, 1.0
    else:
        scale, shift = 0.5, 0.0
    return (unit * np.float32(scale) + np.float32(shift)).reshape(shape)


def text(k):
    count = 1 + int(mix(7919 * k)) % 24
    return "".join(FRAGMENTS[int(mix(7919 * k + 1 + i)) % len(FRAGMENTS)] for i in range(count))


def corpus():
    folder = Path(statistics.__file__).parent
    names = ["statistics.py", "heapq.py", "bisect.py", "textwrap.py", "fractions.py"]
    return "\n".join((folder / name).read_text() for name in names) + "\n" + "\n".join(map(text, range(400)))


def byte_level(splitter, normalizer, added, corpus_text):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - 40,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus_text.splitlines(keepends=True), trainer)
    # In the families' files the control tokens follow the others, or stand in front; ids are what counts.
    for content, special in added:
        token = tokenizers.AddedToken(content, special=special, normalized=False)
        tokenizer.add_special_tokens([token]) if special else tokenizer.add_tokens([token])
    return json.loads(tokenizer.to_str())


def deepseek_coder(text_of_corpus):
    isolated = lambda expression: pre_tokenizers.Split(Regex(expression), "isolated")  # noqa: E731
    splitter = pre_tokenizers.Sequence(
        [
            isolated("[\r\n]"),
            isolated(r"\s?\p{L}+"),
            isolated(r"\s?\p{P}+"),
            isolated("[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bos, eos = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
    added = [(bos, True), (eos, True), ("<\uff5cfim\u2581hole\uff5c>", False), ("<|EOT|>", True)]
    document = byte_level(splitter, normalizers.Sequence([]), added, text_of_corpus)
    config = {"bos_token": {"__type": "AddedToken", "content": bos}, "eos_token": "<|EOT|>", "add_bos_token": True,
              "chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}  # fmt: skip
    return document, config


def smollm(text_of_corpus):
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    added = [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True)]
    document = byte_level(splitter, None, added, text_of_corpus)
    return document, {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}


def qwen(text_of_corpus):
    expression = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    added = [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True), ("<|fim_prefix|>", False)]
    document = byte_level(splitter, normalizers.NFC(), added, text_of_corpus)
    return document, {"bos_token": None, "eos_token": "<|im_end|>", "add_bos_token": False}


def codellama(text_of_corpus):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "corpus.txt"
        source.write_text(text_of_corpus)
        sentencepiece.SentencePieceTrainer.train(
            input=str(source), model_prefix=f"{folder}/sp", model_type="bpe", vocab_size=VOCAB - 8, byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
            allow_whitespace_only_pieces=True, character_coverage=0.998, minloglevel=2,
        )  # fmt: skip
        pieces = sentencepiece.SentencePieceProcessor(model_file=f"{folder}/sp.model")
    vocab = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    merges = []
    for piece, id_ in vocab.items():
        if pieces.is_byte(id_) or pieces.is_control(id_) or pieces.is_unknown(id_):
            continue
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocab and right in vocab:
                merges.append((-pieces.get_score(id_), id_, vocab[left], vocab[right], f"{left} {right}"))
    special = [("<unk>", 0), ("<s>", 1), ("</s>", 2)]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id_, "content": content, **flags} for content, id_ in special],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "\u2581"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocab,
                  "merges": [merge[-1] for merge in sorted(merges)]},
    }  # fmt: skip
    return document, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


COMMON = {"vocab_size": VOCAB, "max_position_embeddings": 512, "num_hidden_layers": 2, "rms_norm_eps": 1e-5,
          "hidden_act": "silu"}  # fmt: skip
FAMILIES = {
    "deepseek-coder": (deepseek_coder, {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "num_key_value_heads": 4, "rope_theta": 100000.0,
        "rope_scaling": {"type": "linear", "factor": 4.0}, "tie_word_embeddings": False}),
    "codellama": (codellama, {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 1000000, "rope_scaling": None,
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2}),
    "smollm": (smollm, {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 48, "intermediate_size": 64,
        "num_attention_heads": 3, "num_key_value_heads": 1, "rope_theta": 10000.0, "tie_word_embeddings": True}),
    "qwen2.5-coder": (qwen, {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 32, "intermediate_size": 64,
        "num_attention_heads": 4, "num_key_value_heads": 2, "rope_theta": 1000000.0, "use_sliding_window": False,
        "sliding_window": 32768, "tie_word_embeddings": True}),
}  # fmt: skip


def encoder(document):
    """The tokenizer as pieces of a text see it: no space in front of them."""
    document = json.loads(json.dumps(document))
    if document["model"].get("byte_fallback"):
        document["normalizer"] = document["normalizer"]["normalizers"][1]
    return tokenizers.Tokenizer.from_str(json.dumps(document))


def short_hash(ids):
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()[:8]


def rows(config):
    values = {key: value for key, value in config.items() if key not in ("architectures", "model_type")}
    # This version of the library wants the fields of the rotation in one place.
    scaling = values.pop("rope_scaling", None) or {"type": "default"}
    rope = {"rope_type": scaling["type"], "rope_theta": float(values.pop("rope_theta"))}
    if "factor" in scaling:
        rope["factor"] = scaling["factor"]
    kind = "Qwen2" if config["model_type"] == "qwen2" else "Llama"
    settings = getattr(transformers, f"{kind}Config")(**values, rope_parameters=rope, attn_implementation="eager")
    model = getattr(transformers, f"{kind}ForCausalLM")(settings).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape))))
    prompts = []
    for length in LENGTHS:
        ids = [int(mix(31 * length + i)) % (VOCAB - 48) for i in range(length)]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0].double()
        log_probs = torch.log_softmax(logits, dim=-1)
        at = sorted({0, length // 2, length - 1})
        prompts.append({
            "tokens": ids,
            "rows": [{"after": i, "log_probs": [round(x, 5) for x in log_probs[i, ::EVERY].tolist()]} for i in at],
        })  # fmt: skip
    return prompts


def main():
    target = Path(sys.argv[1])
    torch.set_num_threads(1)
    text_of_corpus = corpus()
    compact = {"separators": (",", ":"), "ensure_ascii": False}
    for name, (make_tokenizer, fields) in FAMILIES.items():
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        document, settings = make_tokenizer(text_of_corpus)
        config = {**COMMON, **fields}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        (folder / "tokenizer.json").write_text(json.dumps(document, **compact) + "\n")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
        encode = encoder(document)
        tokens = [encode.encode(text(k), add_special_tokens=False).ids for k in range(TEXTS)]
        golden = {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "tokens": tokens[:SPELLED_OUT],
            "token_hashes": "".join(map(short_hash, tokens)),
            "prompts": rows(config),
        }
        (folder / "golden.json").write_text(json.dumps(golden, **compact) + "\n")
        print(name, sum(map(len, tokens)), "tokens")
    values = weight("q8_0", (64, 32))
    quantised = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
    common = {
        "fragments": FRAGMENTS,
        "texts": TEXTS,
        "every": EVERY,
        "q8_0": hashlib.sha256(quantised.tobytes()).hexdigest(),
        "bf16": hashlib.sha256(gguf.quants.quantize(values, gguf.GGMLQuantizationType.BF16).tobytes()).hexdigest(),
        "f16": hashlib.sha256(values.astype(np.float16).tobytes()).hexdigest(),
    }
    (target / "common.json").write_text(json.dumps(common, **compact) + "\n")


if __name__ == "__main__":
    main()
