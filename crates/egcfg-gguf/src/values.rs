//! A tensor's numbers in single precision, for the formats that adapters are stored in. Weights of whole models are left to
//! the engine.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use egcfg_files::Origin;
use half::{bf16, f16};

use crate::{Head, HeadError, Tensor};

/// Numbers of element types, as the format counts them.
const F32: u32 = 0;
const F16: u32 = 1;
const Q8_0: u32 = 8;
const BF16: u32 = 30;

/// Reads a tensor of the file that the head was read from. Numbers that are not finite are refused: one of them makes every
/// log-probability meaningless.
pub fn values(path: &Path, head: &Head, tensor: &Tensor) -> Result<Vec<f32>, HeadError> {
    let (mut file, _) =
        egcfg_files::open(path, Origin::Named).map_err(|error| HeadError::new("file", error.reason()))?;
    let mut bytes = vec![0; tensor.bytes as usize];
    file.seek(SeekFrom::Start(head.data + tensor.offset)).map_err(HeadError::io)?;
    file.read_exact(&mut bytes).map_err(HeadError::io)?;
    let halves = bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    let values: Vec<f32> = match tensor.kind {
        F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        F16 => halves.map(|b| f16::from_le_bytes(b).to_f32()).collect(),
        BF16 => halves.map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
        Q8_0 => bytes.chunks_exact(34).flat_map(block).collect(),
        kind => {
            let reason = format!("has elements of type {kind}; adapters of F32, F16, BF16 and Q8_0 are read");
            return Err(HeadError::new(&tensor.name, reason));
        }
    };
    match values.iter().find(|value| !value.is_finite()) {
        Some(bad) => Err(HeadError::new(&tensor.name, format!("holds {bad}, which is no number to add"))),
        None => Ok(values),
    }
}

/// 32 signed bytes behind their common factor.
fn block(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let factor = f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
    bytes[2..].iter().map(move |byte| f32::from(byte.cast_signed()) * factor)
}
