//! The name that tokens go by everywhere.

/// A token's number in its model's vocabulary.
pub type TokenId = u32;
