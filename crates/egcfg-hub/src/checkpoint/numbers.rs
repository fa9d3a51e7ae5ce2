//! Number formats: the three that safetensors of this family come in, to the four that are written. Everything goes through
//! single precision, which holds every value of the others exactly.

use half::{bf16, f16};
use safetensors::Dtype;

use egcfg_gguf::ElementType;

/// Bytes of one element, for formats that weights come in.
pub(crate) fn source_bytes(dtype: Dtype) -> Option<usize> {
    match dtype {
        Dtype::F32 => Some(4),
        Dtype::F16 | Dtype::BF16 => Some(2),
        _ => None,
    }
}

/// Little-endian elements to single precision.
pub(crate) fn widen(dtype: Dtype, bytes: &[u8], out: &mut Vec<f32>) {
    out.clear();
    match dtype {
        Dtype::F32 => {
            out.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        Dtype::F16 => {
            out.extend(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()));
        }
        _ => out.extend(bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())),
    }
}

/// Appends elements in the format that is written. A value that half precision cannot hold is returned.
pub(crate) fn narrow(values: &[f32], kind: ElementType, out: &mut Vec<u8>) -> Result<(), f32> {
    match kind {
        ElementType::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        ElementType::Bf16 => out.extend(values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes())),
        ElementType::F16 => {
            for value in values {
                out.extend(half_precision(*value)?.to_le_bytes());
            }
        }
        ElementType::Q8_0 => {
            for block in values.chunks_exact(32) {
                quantise(block, out)?;
            }
        }
    }
    Ok(())
}

fn half_precision(value: f32) -> Result<f16, f32> {
    let half = f16::from_f32(value);
    if half.is_infinite() || half.is_nan() { Err(value) } else { Ok(half) }
}

/// 32 values as one block: the largest magnitude becomes 127, ties are rounded away from zero, as llama.cpp's reference
/// does.
fn quantise(block: &[f32], out: &mut Vec<u8>) -> Result<(), f32> {
    if let Some(bad) = block.iter().find(|value| !value.is_finite()) {
        return Err(*bad);
    }
    let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let factor = largest / 127.0;
    let inverse = if factor == 0.0 { 0.0 } else { 1.0 / factor };
    out.extend(half_precision(factor)?.to_le_bytes());
    out.extend(block.iter().map(|value| (value * inverse).round() as i8 as u8));
    Ok(())
}

#[cfg(test)]
#[path = "../../tests/support/formula.rs"]
mod formula;

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// The same bytes as the `gguf` package's (Q8_0, BF16) and numpy's (F16), by their hashes.
    #[test]
    fn formats_are_the_reference_s_to_the_bit() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/common.json")).unwrap();
        let values = super::formula::weight("q8_0", &[64, 32]);
        for (kind, field) in
            [(ElementType::Q8_0, "q8_0"), (ElementType::Bf16, "bf16"), (ElementType::F16, "f16")]
        {
            let mut bytes = Vec::new();
            narrow(&values, kind, &mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, kind.bytes(values.len()));
            let hash = egcfg_gguf::content::hex(&Sha256::digest(&bytes));
            assert_eq!(golden[field], serde_json::json!(hash), "{field}");
        }
    }

    #[test]
    fn what_half_precision_cannot_hold_is_told() {
        for bad in [1e6, f32::INFINITY, f32::NAN] {
            assert!(narrow(&[bad; 32], ElementType::F16, &mut Vec::new()).is_err());
        }
        assert!(narrow(&[f32::NAN; 32], ElementType::Q8_0, &mut Vec::new()).is_err());
        let mut bytes = Vec::new();
        narrow(&[0.0; 32], ElementType::Q8_0, &mut bytes).unwrap();
        assert_eq!(bytes, [0; 34]);
    }
}
