//! The weights and texts of the golden checkpoints, by the formulas of `tools/goldens/make_checkpoints.py`.

use sha2::{Digest as _, Sha256};

/// A 32-bit hash of a 32-bit number.
pub(crate) fn mix(number: u32) -> u32 {
    let mut x = number;
    for (shift, factor) in [(16, 0x7feb_352d), (15, 0x846c_a68b)] {
        x = (x ^ (x >> shift)).wrapping_mul(factor);
    }
    x ^ (x >> 16)
}

/// All elements of a tensor, in the order of the file.
pub(crate) fn weight(name: &str, shape: &[usize]) -> Vec<f32> {
    let digest = Sha256::digest(name.as_bytes());
    let seed = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let (scale, shift) = if name.contains("embed_tokens") || name.ends_with("bias") {
        (1.0, 0.0)
    } else if shape.len() == 1 {
        (0.25, 1.0)
    } else {
        (0.5, 0.0)
    };
    (0..shape.iter().product::<usize>() as u32)
        .map(|i| ((mix(seed.wrapping_add(i)) >> 8) as f32 / 8_388_608.0 - 1.0) * scale + shift)
        .collect()
}
