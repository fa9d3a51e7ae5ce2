//! The safetensors files of a checkpoint, one or many shards, as one table of tensors of which ranges are read. Files are
//! read, not mapped: a file that is cut short while it is read is an error here and would be a fault signal there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::numbers::source_bytes;
use crate::error::{CheckpointError, InFile as _, Problem};

/// The list of shards.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// All weights in one file.
pub(crate) const SINGLE: &str = "model.safetensors";
/// Headers beyond this are no headers (the format's own limit).
const LONGEST_HEADER: u64 = 100_000_000;

/// Where a tensor's bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Which file, by its number in [`Weights::files`].
    file: usize,
    /// Offset of the first byte in the file.
    start: u64,
    pub(crate) dtype: Dtype,
    /// Sides, the contiguous one last.
    pub(crate) shape: Vec<usize>,
}

/// The table of all tensors.
#[derive(Debug)]
pub(crate) struct Weights {
    files: Vec<(PathBuf, File)>,
    tensors: BTreeMap<String, Source>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files that hold a checkpoint's weights, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let index = folder.join(INDEX);
    if !index.exists() {
        return Ok(vec![folder.join(SINGLE)]);
    }
    let Index { weight_map } = egcfg_files::read_small_bytes(&index)
        .in_file(&index)
        .and_then(|b| serde_json::from_slice(&b).in_file(&index))?;
    let mut names: Vec<String> = weight_map.into_values().collect();
    names.sort();
    names.dedup();
    for name in &names {
        // The index comes from elsewhere: it must not lead out of the folder.
        if Path::new(name).components().count() != 1 || name.starts_with('.') || name.contains('/') {
            return Err(Problem::field("weight_map", format!("{name:?} is no file name")).in_file(&index));
        }
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

impl Weights {
    /// Reads the headers of all shards, and checks them against the files' lengths.
    pub(crate) fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let mut all = Self { files: Vec::new(), tensors: BTreeMap::new() };
        for path in files(folder)? {
            let (mut file, _) = egcfg_files::open(&path, egcfg_files::Origin::Named).in_file(&path)?;
            let (metadata, data) = header(&mut file).in_file(&path)?;
            for (name, info) in metadata.tensors() {
                let source = Source {
                    file: all.files.len(),
                    start: data + info.data_offsets.0 as u64,
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                };
                if all.tensors.insert(name.clone(), source).is_some() {
                    return Err(Problem::field(name, "is in more than one shard").in_file(&path));
                }
            }
            all.files.push((path, file));
        }
        Ok(all)
    }

    /// A tensor by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Source> {
        self.tensors.get(name)
    }

    /// The first file, for messages about what is in none. There is always one.
    pub(crate) fn first(&self) -> &Path {
        self.files.first().map_or(Path::new(SINGLE), |(path, _)| path)
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The file that holds a tensor, for messages.
    pub(crate) fn file_of(&self, source: &Source) -> &Path {
        &self.files[source.file].0
    }

    /// Reads elements `from..from + count`, in the order of the file.
    pub(crate) fn read(
        &self,
        source: &Source,
        from: usize,
        count: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CheckpointError> {
        let (path, file) = &self.files[source.file];
        let size = source_bytes(source.dtype).unwrap_or(0);
        out.resize(count * size, 0);
        let mut file = file;
        file.seek(SeekFrom::Start(source.start + (from * size) as u64)).in_file(path)?;
        file.read_exact(out).in_file(path)
    }
}

/// The header, and where the data begins. The crate checks that tensors neither overlap nor leave gaps.
fn header(file: &mut File) -> Result<(Metadata, u64), Problem> {
    let length = file.metadata()?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > LONGEST_HEADER || size + 8 > length {
        return Err(Problem::field("header", "the file is no safetensors file, or was cut short"));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text)?;
    let metadata: Metadata = serde_json::from_slice(&text)?;
    let end = metadata.tensors().values().map(|info| info.data_offsets.1 as u64).max().unwrap_or(0);
    let spoken_of = end.saturating_add(size + 8);
    if spoken_of != length {
        return Err(Problem::field(
            "header",
            format!("the file has {length} bytes, its header speaks of {spoken_of}"),
        ));
    }
    Ok((metadata, size + 8))
}
