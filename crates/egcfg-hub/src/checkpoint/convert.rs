//! From a folder to a file: everything is checked first, then written tensor by tensor into a temporary file that takes its
//! name at the end. Memory holds one slice of one tensor at a time, a few MiB, however large the checkpoint is.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use egcfg_files::{read_small, read_small_bytes};
use serde_json::Value;

use super::config::Config;
use super::numbers;
use super::tensors::{Planned, plan};
use super::tokenizer::{Beside, Vocabulary};
use super::weights::{self, Weights};
use crate::error::{CheckpointError, InFile as _, Problem};
use crate::{Progress, Watch};
use egcfg_gguf::{ElementType, Entry, Meta, padding, write_head};

/// Elements of a slice that is read and written at once, where rows need not be put in another order.
const SLICE: usize = 1 << 20;

/// What is read of a checkpoint beside its weights; only the first two must be there.
const BESIDE: [&str; 5] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
];

/// How to convert.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number format of the matrices. Vectors are written in single precision; with blocks of 32, a matrix whose rows
    /// cannot be cut into them is written in half precision.
    pub matrices: ElementType,
    /// The model's name in the file; default: the folder's.
    pub name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { matrices: ElementType::F16, name: None }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The architecture's name in the file.
    pub architecture: &'static str,
    /// Number of tensors.
    pub tensors: usize,
    /// Number of parameters.
    pub parameters: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// Whether a folder looks like a checkpoint: it has a `config.json`.
pub fn is_checkpoint(folder: &Path) -> bool {
    folder.join("config.json").is_file()
}

/// The files that a conversion depends on, in a fixed order.
pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let mut all: Vec<PathBuf> =
        BESIDE.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    all.extend(weights::files(folder)?);
    Ok(all)
}

/// Converts a folder to a file. The file appears whole or not at all; one that is there is replaced.
pub fn convert(
    folder: &Path,
    out: &Path,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Summary, CheckpointError> {
    let (config, vocabulary) = read(folder)?;
    let weights = Weights::open(folder)?;
    let tensors = plan(&weights, &config, options.matrices)?;
    let table: Vec<Entry> = tensors.iter().map(|tensor| tensor.entry.clone()).collect();
    let mut meta = Meta::default();
    meta.string("general.architecture", config.architecture.name());
    meta.string("general.type", "model");
    meta.string("general.name", &options.name.clone().unwrap_or_else(|| name_of(folder)));
    meta.u32("general.file_type", options.matrices.file_type());
    meta.u32("general.quantization_version", 2);
    config.write(&mut meta);
    vocabulary.write(&mut meta);

    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary =
        tempfile::Builder::new().prefix(".egcfg-").suffix(".tmp").tempfile_in(parent).in_file(out)?;
    let bytes = {
        let mut file = BufWriter::with_capacity(1 << 20, temporary.as_file_mut());
        write_head(&mut file, &meta, &table).in_file(out)?;
        write_tensors(&weights, &tensors, &mut file, out, watch)?;
        file.flush().in_file(out)?;
        file.get_ref().metadata().in_file(out)?.len()
    };
    open_to_all(temporary.as_file()).in_file(out)?;
    temporary.as_file().sync_all().in_file(out)?;
    temporary.persist(out).map_err(|error| error.error).in_file(out)?;
    // The name itself is kept only once the folder is written out.
    File::open(parent).and_then(|folder| folder.sync_all()).in_file(out)?;
    let parameters = table.iter().map(|entry| entry.shape.iter().product::<usize>() as u64).sum();
    Ok(Summary { architecture: config.architecture.name(), tensors: table.len(), parameters, bytes })
}

/// Temporary files are private; a model is as readable as any other file.
fn open_to_all(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Reads and checks all that is not weights.
fn read(folder: &Path) -> Result<(Config, Vocabulary), CheckpointError> {
    let path = folder.join("config.json");
    let config =
        read_small_bytes(&path).in_file(&path).and_then(|text| Config::parse(&text).in_file(&path))?;
    let optional = |name: &str| -> Result<Value, CheckpointError> {
        let path = folder.join(name);
        if !path.exists() {
            return Ok(Value::Null);
        }
        read_small_bytes(&path).in_file(&path).and_then(|text| serde_json::from_slice(&text).in_file(&path))
    };
    let template = folder.join("chat_template.jinja");
    let beside = Beside {
        tokenizer: optional("tokenizer_config.json")?,
        generation: optional("generation_config.json")?,
        chat_template: if template.exists() { Some(read_small(&template).in_file(&template)?) } else { None },
    };
    let path = folder.join("tokenizer.json");
    let text = read_small_bytes(&path).in_file(&path)?;
    let vocabulary = Vocabulary::parse(&text, &beside, &config).in_file(&path)?;
    Ok((config, vocabulary))
}

fn name_of(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn write_tensors(
    weights: &Weights,
    tensors: &[Planned<'_>],
    out: &mut impl Write,
    path: &Path,
    watch: Watch<'_>,
) -> Result<(), CheckpointError> {
    let total = tensors.iter().map(|tensor| tensor.entry.bytes()).sum();
    let mut done = 0;
    let (mut bytes, mut values, mut narrow) = (Vec::new(), Vec::new(), Vec::new());
    for tensor in tensors {
        let elements: usize = tensor.source.shape.iter().product();
        let row = if tensor.source.shape.len() == 2 { tensor.source.shape[1] } else { 1 };
        // Heads are taken whole where their rows change places, else as many rows as make a slice.
        let slice = match tensor.interleave {
            Some(head) => head * row,
            None if tensor.source.shape.len() == 1 => elements,
            None => (SLICE / row).max(1) * row,
        };
        let mut from = 0;
        while from < elements {
            let count = slice.min(elements - from);
            weights.read(tensor.source, from, count, &mut bytes)?;
            numbers::widen(tensor.source.dtype, &bytes, &mut values);
            if let Some(head) = tensor.interleave {
                values = interleave(&values, head, row);
            }
            narrow.clear();
            numbers::narrow(&values, tensor.entry.kind, &mut narrow).map_err(|value| {
                let reason = format!("holds {value}, which half precision cannot; convert to bf16 or f32");
                Problem::field(tensor.name.as_str(), reason).in_file(weights.file_of(tensor.source))
            })?;
            out.write_all(&narrow).in_file(path)?;
            done += narrow.len() as u64;
            from += count;
            if watch(Progress { what: tensor.entry.name.clone(), done, total }).is_break() {
                return Err(Problem::Interrupted.in_file(path));
            }
        }
        out.write_all(padding(tensor.entry.bytes())).in_file(path)?;
    }
    Ok(())
}

/// One head's rows, from its two halves to pairs: row i of the first half, row i of the second.
fn interleave(values: &[f32], head: usize, row: usize) -> Vec<f32> {
    let half = head / 2;
    let line = |index: usize| &values[index * row..(index + 1) * row];
    (0..half).flat_map(|i| [line(i), line(half + i)]).flatten().copied().collect()
}
