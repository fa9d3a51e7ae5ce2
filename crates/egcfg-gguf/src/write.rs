//! A writer of GGUF files, version 3: key-value pairs, a table of tensors, then the tensors' bytes at aligned offsets. All
//! sizes are known before the first byte is written, so tensors are streamed and never held.

use std::io::{Result, Write};

/// Tensor data is aligned to this many bytes (the format's default).
pub const ALIGNMENT: u64 = 32;
/// Version of the format.
const VERSION: u32 = 3;
/// Type numbers of values.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Number format of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// Single precision's exponent with eight bits of mantissa.
    Bf16,
    /// Blocks of 32 signed bytes with a common half-precision factor.
    Q8_0,
}

impl ElementType {
    /// Elements that are stored together.
    pub fn block(self) -> usize {
        if self == Self::Q8_0 { 32 } else { 1 }
    }

    /// Bytes of a number of elements, which is a multiple of [`ElementType::block`].
    pub fn bytes(self, elements: usize) -> u64 {
        let elements = elements as u64;
        match self {
            Self::F32 => 4 * elements,
            Self::F16 | Self::Bf16 => 2 * elements,
            Self::Q8_0 => elements / 32 * 34,
        }
    }

    /// The format's number of the type.
    fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 8,
            Self::Bf16 => 30,
        }
    }

    /// The format's number of a file most of whose matrices have this type (`general.file_type`).
    pub fn file_type(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q8_0 => 7,
            Self::Bf16 => 32,
        }
    }
}

/// A tensor's entry in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its sides, the contiguous one first.
    pub shape: Vec<usize>,
    /// Number format.
    pub kind: ElementType,
}

impl Entry {
    /// Bytes of its data, without padding.
    pub fn bytes(&self) -> u64 {
        self.kind.bytes(self.shape.iter().product())
    }
}

/// The key-value section.
#[derive(Debug, Default)]
pub struct Meta {
    count: u64,
    bytes: Vec<u8>,
}

impl Meta {
    fn key(&mut self, key: &str, kind: u32) {
        self.count += 1;
        put_string(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
    }

    /// A text.
    pub fn string(&mut self, key: &str, value: &str) {
        self.key(key, STRING);
        put_string(&mut self.bytes, value);
    }

    /// A whole number.
    pub fn u32(&mut self, key: &str, value: u32) {
        self.key(key, U32);
        self.bytes.extend(value.to_le_bytes());
    }

    /// A real number.
    pub fn f32(&mut self, key: &str, value: f32) {
        self.key(key, F32);
        self.bytes.extend(value.to_le_bytes());
    }

    /// Yes or no.
    pub fn flag(&mut self, key: &str, value: bool) {
        self.key(key, BOOL);
        self.bytes.push(u8::from(value));
    }

    fn array(&mut self, key: &str, kind: u32, length: usize) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((length as u64).to_le_bytes());
    }

    /// Texts.
    pub fn strings(&mut self, key: &str, values: &[String]) {
        self.array(key, STRING, values.len());
        for value in values {
            put_string(&mut self.bytes, value);
        }
    }

    /// Whole numbers.
    pub fn i32s(&mut self, key: &str, values: &[i32]) {
        self.array(key, I32, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }

    /// Real numbers.
    pub fn f32s(&mut self, key: &str, values: &[f32]) {
        self.array(key, F32, values.len());
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// Writes everything before the tensors' data, padded to where that begins. The data follows in the table's order, each
/// tensor followed by [`padding`].
pub fn write_head(out: &mut impl Write, meta: &Meta, table: &[Entry]) -> Result<()> {
    let mut head = b"GGUF".to_vec();
    head.extend(VERSION.to_le_bytes());
    head.extend((table.len() as u64).to_le_bytes());
    head.extend(meta.count.to_le_bytes());
    head.extend(&meta.bytes);
    let mut offset = 0;
    for entry in table {
        put_string(&mut head, &entry.name);
        head.extend((entry.shape.len() as u32).to_le_bytes());
        head.extend(entry.shape.iter().flat_map(|side| (*side as u64).to_le_bytes()));
        head.extend(entry.kind.number().to_le_bytes());
        head.extend(u64::to_le_bytes(offset));
        offset = (offset + entry.bytes()).next_multiple_of(ALIGNMENT);
    }
    let padding = padding(head.len() as u64);
    head.extend(padding);
    out.write_all(&head)
}

/// Zeros up to the next aligned offset.
pub fn padding(written: u64) -> &'static [u8] {
    &[0; ALIGNMENT as usize][..(written.next_multiple_of(ALIGNMENT) - written) as usize]
}

fn put_string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
