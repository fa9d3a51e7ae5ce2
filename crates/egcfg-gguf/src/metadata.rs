//! What the head of a GGUF file holds: values of the metadata, and entries of the table of tensors.

/// The key of the vocabulary.
pub(crate) const TOKENS: &str = "tokenizer.ggml.tokens";

/// A value of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number of any width.
    Int(i128),
    /// A real number of either width.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// A text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// Several of one kind.
    Array(Array),
}

/// An array of the metadata.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array {
    /// Number of elements.
    pub length: u64,
    /// Whether they are texts.
    pub texts: bool,
    /// Whole numbers, where they are that and few; else nothing.
    pub ints: Vec<i128>,
    /// Length of the longest text in bytes.
    pub longest: usize,
    /// The first text that is another's equal; looked for in the list of tokens only.
    pub twice: Option<String>,
    /// How many different bytes the texts spell as `<0x0A>`; in the list of tokens only.
    pub byte_tokens: usize,
}

/// A tensor's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its sides, the contiguous one first.
    pub shape: Vec<u64>,
    /// Number of its element type.
    pub kind: u32,
    /// Where its data begins, from the beginning of the data.
    pub offset: u64,
    /// Bytes of its data.
    pub bytes: u64,
}
