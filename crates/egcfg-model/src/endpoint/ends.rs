//! Ends of texts and turns as models spell them.

/// What stands for the end of a text, or of a turn, in the models in use.
pub(crate) const ENDS: [&str; 15] = [
    "</s>",
    "<|endoftext|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|EOT|>",
    "<|end|>",
    "<end_of_turn>",
    "<eos>",
    "<|return|>",
    "<\u{ff5c}end\u{2581}of\u{2581}sentence\u{ff5c}>",
    "<EOT>",
    "<|eom_id|>",
    "<|endofturn|>",
    "[EOS]",
];
