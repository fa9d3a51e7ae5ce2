//! What stands before the weights in a GGUF file: metadata and the table of tensors. Every count and length is compared
//! with the bytes that are left before anything is read or kept for it, so a broken or hostile file costs no more memory
//! than its own size, and what cannot be right is named by its field. Contents are read but not judged: see
//! [`crate::check_model`].

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read};
use std::path::Path;

use egcfg_files::{FileError, Origin};

use crate::HeadError;

/// The key of the vocabulary.
pub(crate) const TOKENS: &str = "tokenizer.ggml.tokens";
/// Longest name of a key or tensor.
const LONGEST_NAME: u64 = 1 << 16;
/// Arrays of numbers up to this length are kept; of longer ones, and of texts, only length and kind.
const KEPT: usize = 4096;

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

/// All that stands before the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Metadata by key.
    pub meta: BTreeMap<String, Value>,
    /// The tensors in the file's order.
    pub tensors: Vec<Tensor>,
    /// Where the data begins, in bytes from the file's beginning.
    pub data: u64,
    /// Length of the whole file.
    pub length: u64,
}

impl Head {
    /// Reads and checks the head of a file.
    pub fn open(path: &Path) -> Result<Self, HeadError> {
        let (file, meta) = egcfg_files::open(path, Origin::Named).map_err(|error| match error {
            FileError::Io { error, .. } => HeadError::io(error),
            FileError::NotRegular { kind, .. } => {
                HeadError::new("file", format!("it is a {kind}, not a file; name the .gguf file itself"))
            }
            other => HeadError::new("file", other.reason()),
        })?;
        Self::read(BufReader::with_capacity(1 << 16, file), meta.len())
    }

    /// Reads and checks the head of a file of so many bytes.
    pub fn read(from: impl Read, length: u64) -> Result<Self, HeadError> {
        let mut reader = Reader { from, at: 0, length };
        let mut magic = [0; 4];
        reader
            .bytes(&mut magic, "magic")
            .map_err(|_| HeadError::new("magic", "it is not a GGUF file (it is shorter than four bytes)"))?;
        if &magic != b"GGUF" {
            let guess = match &magic {
                b"PK\x03\x04" => " but a zip archive, as PyTorch writes them",
                b"ggml" | b"ggjt" | b"ggmf" | b"ggla" => " but a file of an older format",
                b"<!DO" | b"<htm" => " but a web page: the download went wrong",
                b"vers" => " but the pointer of a large file: fetch the file itself (git lfs pull)",
                _ => "",
            };
            let reason = format!(
                "it is not a GGUF file{guess} (it does not begin with `GGUF`); convert the model to GGUF first"
            );
            return Err(HeadError::new("magic", reason));
        }
        let version = reader.u32("version")?;
        if version.swap_bytes() < 0x1_0000 && version >= 0x1_0000 {
            return Err(HeadError::new("version", "the file is of the other byte order (big-endian)"));
        }
        if !(2..=3).contains(&version) {
            let reason = format!("version {version} of the format is not known; 2 and 3 are");
            return Err(HeadError::new("version", reason));
        }
        let tensors = reader.u64("tensor count")?;
        let pairs = reader.u64("metadata count")?;
        // A pair takes 13 bytes at least, a tensor 32.
        reader.fits("metadata count", pairs, 13)?;
        reader.fits("tensor count", tensors, 24)?;
        let mut meta = BTreeMap::new();
        for _ in 0..pairs {
            let key = reader.name("a key of the metadata")?;
            let kind = reader.u32(&key)?;
            let value = reader.value(&key, kind)?;
            if meta.insert(key.clone(), value).is_some() {
                return Err(HeadError::new(&key, "stands in the metadata twice"));
            }
        }
        let alignment = match meta.get("general.alignment") {
            None => 32,
            Some(Value::Int(n)) if *n > 0 && *n <= 1 << 20 && (*n & (*n - 1)) == 0 => *n as u64,
            Some(_) => return Err(HeadError::new("general.alignment", "is no power of two up to 2^20")),
        };
        let mut table: Vec<Tensor> = Vec::new();
        let mut names = HashSet::new();
        let mut end = 0_u64;
        for _ in 0..tensors {
            let tensor = reader.tensor(end)?;
            end = tensor
                .offset
                .checked_add(tensor.bytes)
                .and_then(|end| end.checked_next_multiple_of(alignment))
                .ok_or_else(|| HeadError::new(&tensor.name, "ends beyond any file"))?;
            if !names.insert(tensor.name.clone()) {
                return Err(HeadError::new(&tensor.name, "stands in the table of tensors twice"));
            }
            table.push(tensor);
        }
        let data = reader.at.next_multiple_of(alignment);
        if let Some(beyond) = table
            .iter()
            .find(|tensor| data.checked_add(tensor.offset + tensor.bytes).is_none_or(|end| end > length))
        {
            let reason = format!(
                "ends at byte {} but the file has {length}: it is truncated; fetch it again",
                u128::from(data) + u128::from(beyond.offset) + u128::from(beyond.bytes)
            );
            return Err(HeadError::new(&beyond.name, reason));
        }
        Ok(Self { meta, tensors: table, data, length })
    }

    /// A text of the metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.meta.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number of the metadata.
    pub fn int(&self, key: &str) -> Option<i128> {
        match self.meta.get(key) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// An array of the metadata.
    pub fn array(&self, key: &str) -> Option<&Array> {
        match self.meta.get(key) {
            Some(Value::Array(array)) => Some(array),
            _ => None,
        }
    }

    /// A tensor by its name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

struct Reader<R> {
    from: R,
    at: u64,
    length: u64,
}

impl<R: Read> Reader<R> {
    fn left(&self) -> u64 {
        self.length.saturating_sub(self.at)
    }

    /// Refuses a number of things of at least so many bytes that the file cannot hold any more.
    fn fits(&self, field: &str, count: u64, each: u64) -> Result<(), HeadError> {
        if count > self.left() / each {
            let reason = format!(
                "{count} do not fit into the {} bytes that follow: the file is truncated or broken",
                self.left()
            );
            return Err(HeadError::new(field, reason));
        }
        Ok(())
    }

    fn bytes(&mut self, out: &mut [u8], field: &str) -> Result<(), HeadError> {
        if out.len() as u64 > self.left() {
            return Err(HeadError::new(field, "the file ends here: it is truncated; fetch it again"));
        }
        self.from.read_exact(out).map_err(HeadError::io)?;
        self.at += out.len() as u64;
        Ok(())
    }

    fn u32(&mut self, field: &str) -> Result<u32, HeadError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes, field)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self, field: &str) -> Result<u64, HeadError> {
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

    fn name(&mut self, field: &str) -> Result<String, HeadError> {
        let bytes = self.text(field, LONGEST_NAME)?;
        match String::from_utf8(bytes) {
            Ok(name) if !name.is_empty() && !name.contains('\0') => Ok(name),
            _ => Err(HeadError::new(field, "is empty or no text")),
        }
    }

    fn value(&mut self, key: &str, kind: u32) -> Result<Value, HeadError> {
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

    fn tensor(&mut self, expected: u64) -> Result<Tensor, HeadError> {
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
