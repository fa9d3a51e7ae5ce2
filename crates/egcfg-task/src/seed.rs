//! Seeds that depend on what is computed and never on when: the same (configuration, task, retry, purpose) draws the
//! same candidates in any order of a run and on any number of agents.

/// Derives a 64-bit seed from a base seed and a list of labels. Labels are length-prefixed, so `["ab", "c"]` and
/// `["a", "bc"]` differ. FNV-1a over the bytes, finished with the `SplitMix64` mixer.
pub fn derive_seed(base: u64, labels: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    eat(&base.to_le_bytes());
    for label in labels {
        eat(&(label.len() as u64).to_le_bytes());
        eat(label.as_bytes());
    }
    mix(hash)
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_run_together() {
        assert_ne!(derive_seed(0, &["ab", "c"]), derive_seed(0, &["a", "bc"]));
        assert_ne!(derive_seed(0, &["a"]), derive_seed(1, &["a"]));
        assert_eq!(derive_seed(7, &["x", "y"]), derive_seed(7, &["x", "y"]));
    }
}
