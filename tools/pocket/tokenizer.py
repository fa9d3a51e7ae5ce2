"""The tokenizer: byte-level BPE with llama.cpp's `deepseek-coder` pre-tokenizer.

That pre-tokenizer makes each newline a token of its own and splits digits one by one.  The first lets
code be cut at line ends without ever cutting a token, the second lets a small model see numbers.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from texts import END, draw_example

VOCABULARY = 512
TRAIN_SEED = 900
TRAIN_TEXTS = 6000
# The expressions that llama.cpp applies, in this order, each to the pieces that the last one left.
EXPRESSIONS = ("[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}")


def new_tokenizer() -> Tokenizer:
    """An untrained tokenizer with the right pre-tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Split(Regex(text), behavior="isolated") for text in EXPRESSIONS]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*steps, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train_tokenizer() -> Tokenizer:
    """Train on our own texts; the end token is id 0."""
    tokenizer = new_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Strings of a task are random characters: without their contents, no merge comes from them.
    texts = (re.sub("'[^'\n]*'", "''", draw_example(TRAIN_SEED, index).text) for index in range(TRAIN_TEXTS))
    tokenizer.train_from_iterator(texts, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY
    assert tokenizer.token_to_id(END) == 0
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a trained tokenizer."""
    return Tokenizer.from_file(str(path))


def main() -> None:
    """Train and save: `tokenizer.py OUT.json`."""
    path = Path(sys.argv[1])
    tokenizer = train_tokenizer()
    tokenizer.save(str(path))
    sample = draw_example(TRAIN_SEED, TRAIN_TEXTS + 3).text
    encoded = tokenizer.encode(sample, add_special_tokens=False)
    assert tokenizer.decode(encoded.ids, skip_special_tokens=False) == sample
    print(json.dumps({"characters": len(sample), "tokens": len(encoded.ids)}))


if __name__ == "__main__":
    main()
