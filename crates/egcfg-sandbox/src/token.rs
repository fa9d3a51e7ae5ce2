//! Random numbers from the kernel, for what a program must not guess.

/// Eight bytes.
pub(crate) fn token() -> [u8; 8] {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        // Without the kernel's generator: the hasher keys of the standard library are random, too.
        use std::hash::{BuildHasher, Hasher};
        bytes = std::collections::hash_map::RandomState::new().build_hasher().finish().to_ne_bytes();
    }
    bytes
}

/// The same as a number.
pub(crate) fn number() -> u64 {
    u64::from_ne_bytes(token())
}
