//! What stands before the weights in a GGUF file: metadata and the table of tensors. Every count and length is compared
//! with the bytes that are left before anything is read or kept for it, so a broken or hostile file costs no more memory
//! than its own size, and what cannot be right is named by its field. Contents are read but not judged: see
//! [`crate::check_model`].

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, Read};
use std::path::Path;

use egcfg_files::{FileError, Origin};

use crate::HeadError;
use crate::metadata::{Array, Tensor, Value};
use crate::reader::Reader;

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
