//! The files behind `--lora`: a GGUF adapter as it is, a PEFT folder as its conversion for this base, made now or before.

use std::path::Path;

use egcfg_hub::Converted;
use egcfg_hub::adapter::{Base, is_peft};
use egcfg_model::Adapter;

use super::adapter_files::is_no_gguf;
use super::hub::cache_folder;
use super::watched::{beside_the_work, checkpoint_failure};
use crate::args::lora::LoraArg;
use crate::exit::Failure;

/// What the flag takes, as a hint.
const TAKES: &str = "--lora takes a folder that PEFT saved, or a GGUF adapter";

/// Adapters that stand for one model, and its name where it has one of its own.
pub(crate) type Named = (Option<String>, Vec<Adapter>);

/// The adapters in the order given, those of one name together; the first set is that of no name and may be empty.
pub(crate) fn resolve(
    all: &[LoraArg],
    base: impl Fn() -> Result<Base, Failure>,
) -> Result<Vec<Named>, Failure> {
    let mut sets: Vec<Named> = vec![(None, Vec::new())];
    for lora in all {
        let adapter = Adapter { path: file(&lora.path, &base)?, scale: lora.scale };
        match sets.iter_mut().find(|(name, _)| *name == lora.name) {
            Some((_, set)) => set.push(adapter),
            None => sets.push((lora.name.clone(), vec![adapter])),
        }
    }
    Ok(sets)
}

fn file(path: &Path, base: impl Fn() -> Result<Base, Failure>) -> Result<std::path::PathBuf, Failure> {
    let fail = |reason: &str| Failure::model(format!("failed to load adapter {}: {reason}", path.display()));
    if path.is_dir() {
        if !is_peft(path) {
            return Err(fail("the folder has no adapter_config.json").hint(TAKES));
        }
        let cache = Converted::new(cache_folder()?.join("converted"));
        let (from, base) = (path.to_owned(), base()?);
        return beside_the_work(move |watch| cache.adapter(&from, &base, watch))?
            .map_err(|error| checkpoint_failure(path, &error));
    }
    if path.is_file() {
        if !is_no_gguf(path) {
            return Ok(path.to_owned());
        }
        let folder =
            path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        let hint = match folder.filter(|folder| is_peft(folder)) {
            Some(folder) => format!("name the folder that PEFT saved: --lora {}", folder.display()),
            None => TAKES.to_owned(),
        };
        return Err(fail("it is not a GGUF file, and so no adapter").hint(hint));
    }
    Err(fail("there is no such file or folder"))
}
