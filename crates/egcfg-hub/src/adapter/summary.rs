//! What came of a conversion.

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterSummary {
    /// The base's family, as in GGUF.
    pub family: String,
    /// Matrix pairs.
    pub pairs: usize,
    /// Number of values.
    pub parameters: u64,
}
