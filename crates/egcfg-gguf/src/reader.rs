//! Reads the head of a GGUF file piece by piece. Every count and length is compared with the bytes that are left before
//! anything is read or kept for it.

use std::collections::HashSet;
use std::io::Read;

use crate::HeadError;
use crate::metadata::{Array, TOKENS, Tensor, Value};

/// Longest name of a key or tensor.
const LONGEST_NAME: u64 = 1 << 16;
/// Arrays of numbers up to this length are kept; of longer ones, and of texts, only length and kind.
const KEPT: usize = 4096;

/// What is left of a head of a known length.
pub(crate) struct Reader<R> {
    pub(crate) from: R,
    /// Bytes read.
    pub(crate) at: u64,
    /// Bytes of the whole file.
    pub(crate) length: u64,
}

impl<R: Read> Reader<R> {
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }

    /// Refuses a number of things of at least so many bytes that the file cannot hold any more.
    pub(crate) fn fits(&self, field: &str, count: u64, each: u64) -> Result<(), HeadError> {
        if count > self.left() / each {
            let reason = format!(
                "{count} do not fit into the {} bytes that follow: the file is truncated or broken",
                self.left()
            );
            return Err(HeadError::new(field, reason));
        }
        Ok(())
    }

    pub(crate) fn bytes(&mut self, out: &mut [u8], field: &str) -> Result<(), HeadError> {
        if out.len() as u64 > self.left() {
            return Err(HeadError::new(field, "the file ends here: it is truncated; fetch it again"));
        }
        self.from.read_exact(out).map_err(HeadError::io)?;
        self.at += out.len() as u64;
        Ok(())
    }

    pub(crate) fn u32(&mut self, field: &str) -> Result<u32, HeadError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes, field)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(crate) fn u64(&mut self, field: &str) -> Result<u64, HeadError> {
        let mut bytes = [0; 8];
        self.bytes(&mut bytes, field)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn text(&mut self, field: &str, longest: u64) -> Result<Vec<u8>, HeadError> {
        let length = self.u64(field)?;
        self.fits(field, length, 1)?;
        if length > longest {
            return Err(HeadError::new(field, format!("is {length} bytes long; at most {longest} are read")));
        }
        let mut bytes = vec![0; length as usize];
        self.bytes(&mut bytes, field)?;
        Ok(bytes)
    }

    pub(crate) fn name(&mut self, field: &str) -> Result<String, HeadError> {
        let bytes = self.text(field, LONGEST_NAME)?;
        match String::from_utf8(bytes) {
            Ok(name) if !name.is_empty() && !name.contains('\0') => Ok(name),
            _ => Err(HeadError::new(field, "is empty or no text")),
        }
    }

    pub(crate) fn value(&mut self, key: &str, kind: u32) -> Result<Value, HeadError> {
        Ok(match kind {
            8 => Value::Text(String::from_utf8_lossy(&self.text(key, 1 << 30)?).into_owned()),
            9 => Value::Array(self.array(key)?),
            7 => Value::Flag(self.scalar(key, 7)?.0 != 0),
            6 | 12 => Value::Real(self.scalar(key, kind)?.1),
            _ => Value::Int(self.scalar(key, kind)?.0),
        })
    }

    fn array(&mut self, key: &str) -> Result<Array, HeadError> {
        let kind = self.u32(key)?;
        let length = self.u64(key)?;
        let mut array = Array { length, texts: kind == 8, ..Array::default() };
        if kind == 8 {
            self.fits(key, length, 8)?;
            let mut seen: HashSet<Vec<u8>> = HashSet::new();
            for index in 0..length {
                let mut text = self.text(key, 1 << 24)?;
                array.longest = array.longest.max(text.len());
                if key != TOKENS {
                    continue;
                }
                // The engine reads it up to a zero byte.
                if let Some(end) = text.iter().position(|byte| *byte == 0) {
                    text.truncate(end);
                }
                if text.is_empty() {
                    // What the engine calls it then.
                    text = format!("[EMPTY_{index}]").into_bytes();
                }
                array.byte_tokens += usize::from(is_byte(&text));
                if array.twice.is_none() && seen.contains(&text) {
                    array.twice = Some(String::from_utf8_lossy(&text).into_owned());
                }
                seen.insert(text);
            }
            return Ok(array);
        }
        let width = width(kind)
            .ok_or_else(|| HeadError::new(key, format!("has elements of the unknown type {kind}")))?;
        self.fits(key, length, width)?;
        let keep = length as usize <= KEPT && !matches!(kind, 6 | 12);
        for _ in 0..length {
            let number = self.scalar(key, kind)?.0;
            if keep {
                array.ints.push(number);
            }
        }
        Ok(array)
    }

    /// A number as a whole one and as a real one; of the two, the type says which counts.
    fn scalar(&mut self, key: &str, kind: u32) -> Result<(i128, f64), HeadError> {
        let width = width(kind).ok_or_else(|| HeadError::new(key, format!("has the unknown type {kind}")))?;
        let mut bytes = [0; 8];
        self.bytes(&mut bytes[..width as usize], key)?;
        let raw = u64::from_le_bytes(bytes);
        let signed = |bits: u32| i128::from((raw << (64 - bits)).cast_signed() >> (64 - bits));
        Ok(match kind {
            1 => (signed(8), 0.0),
            3 => (signed(16), 0.0),
            5 => (signed(32), 0.0),
            11 => (signed(64), 0.0),
            6 => (0, f64::from(f32::from_bits(raw as u32))),
            12 => (0, f64::from_bits(raw)),
            _ => (i128::from(raw), 0.0),
        })
    }

    pub(crate) fn tensor(&mut self, expected: u64) -> Result<Tensor, HeadError> {
        let name = self.name("a tensor's name")?;
        if name.len() >= 64 {
            return Err(HeadError::new(&name, "is a longer name than tensors have"));
        }
        let sides = self.u32(&name)?;
        if sides == 0 || sides > 4 {
            return Err(HeadError::new(&name, format!("has {sides} dimensions; 1 to 4 are possible")));
        }
        let mut shape = Vec::with_capacity(sides as usize);
        let mut elements = 1_u64;
        for _ in 0..sides {
            let side = self.u64(&name)?;
            elements = elements
                .checked_mul(side)
                .filter(|elements| *elements > 0 && *elements < 1 << 48)
                .ok_or_else(|| HeadError::new(&name, format!("has a side of {side}, which cannot be")))?;
            shape.push(side);
        }
        let kind = self.u32(&name)?;
        let (block, bytes) = block(kind).ok_or_else(|| {
            HeadError::new(&name, format!("has elements of type {kind}, which is not known"))
        })?;
        if !shape[0].is_multiple_of(block) {
            let reason = format!("has rows of {} elements, which are no whole blocks of {block}", shape[0]);
            return Err(HeadError::new(&name, reason));
        }
        let offset = self.u64(&name)?;
        if offset != expected {
            let reason = format!("begins at byte {offset} of the data where {expected} is expected");
            return Err(HeadError::new(&name, reason));
        }
        Ok(Tensor { name, shape, kind, offset, bytes: elements / block * bytes })
    }
}

/// `<0x0A>`.
fn is_byte(text: &[u8]) -> bool {
    text.len() == 6
        && text.starts_with(b"<0x")
        && text[5] == b'>'
        && text[3..5].iter().all(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'))
}

/// Bytes of a number of the metadata.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Elements of a block and its bytes, by the number of the element type.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        39 => (32, 17),
        40 => (64, 36),
        _ => return None,
    })
}
