//! `egcfg convert` of an adapter: a PEFT folder to a GGUF file, or back. The order of its rows depends on the base, which
//! `--base` names, or the adapter itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use egcfg_gguf::Head;
use egcfg_hub::adapter::{AdapterSummary, Base, CONFIG, is_peft, to_gguf, to_peft};
use egcfg_hub::checkpoint::is_checkpoint;

use crate::args::convert::ConvertArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, note};
use crate::parts::checkpoint_failure;

/// Converts what is named where it is an adapter; nothing where it is none.
pub(super) fn run(args: &ConvertArgs) -> Result<Option<ExitCode>, Failure> {
    let from = &args.folder;
    let (out, summary) = if is_peft(from) {
        let base = match &args.base {
            Some(name) => base_of(name)?,
            None => told(from)?,
        };
        let out = args.out.clone().map_or_else(|| beside(from, "lora.gguf"), Ok)?;
        let summary = to_gguf(from, &base, &out).map_err(|error| checkpoint_failure(from, &error))?;
        (out, summary)
    } else if is_adapter(from) {
        let base = args.base.as_deref().map(base_of).transpose()?;
        let name = args.base.as_deref().unwrap_or_default();
        let out = args.out.clone().map_or_else(|| beside(from, "peft"), Ok)?;
        let summary = to_peft(from, base, name, &out).map_err(|error| checkpoint_failure(from, &error))?;
        (out, summary)
    } else {
        return Ok(None);
    };
    tell(&out, &summary, args.json)?;
    Ok(Some(ExitCode::from(SOLVED)))
}

fn tell(out: &Path, summary: &AdapterSummary, json: bool) -> Result<(), Failure> {
    if json {
        let object = serde_json::json!({
            "file": out, "architecture": summary.family, "pairs": summary.pairs, "parameters": summary.parameters,
        });
        return Ok(data(&format!("{object}\n"))?);
    }
    let millions = summary.parameters as f64 / 1e6;
    note(&format!("{}, {} matrix pairs, {millions:.2} million parameters", summary.family, summary.pairs));
    Ok(data(&format!("{}\n", out.display()))?)
}

/// Whether a file says that it is an adapter.
fn is_adapter(path: &Path) -> bool {
    path.is_file() && Head::open(path).is_ok_and(|head| head.text("general.type") == Some("adapter"))
}

/// The base that an adapter's configuration names, where it is at hand.
fn told(folder: &Path) -> Result<Base, Failure> {
    let path = folder.join(CONFIG);
    let text = egcfg_files::read_small_bytes(&path)
        .map_err(|error| Failure::input(format!("failed to read {}: {}", path.display(), error.reason())))?;
    let config: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|error| Failure::input(format!("failed to read {}: {error}", path.display())))?;
    let name = config["base_model_name_or_path"].as_str().unwrap_or_default();
    if name == "pocket" || (!name.is_empty() && Path::new(name).exists()) {
        return base_of(name);
    }
    Err(Failure::usage(format!(
        "failed to convert {}: its base is not at hand ({})",
        folder.display(),
        if name.is_empty() { "none is named" } else { name }
    ))
    .hint("name the model that it was made for: --base FILE.gguf, or the checkpoint's folder"))
}

/// What an adapter's form depends on, of a model's name.
fn base_of(name: &str) -> Result<Base, Failure> {
    let path = Path::new(name);
    if path.is_dir() && is_checkpoint(path) {
        return Base::of_checkpoint(path).map_err(|error| checkpoint_failure(path, &error));
    }
    let fail = |reason: String| Failure::input(format!("failed to read the base {name}: {reason}"));
    #[cfg(feature = "llama")]
    let embedded = (name == "pocket" && !path.exists()).then_some(egcfg_model::POCKET_GGUF);
    #[cfg(not(feature = "llama"))]
    let embedded: Option<&[u8]> = None;
    let head = match embedded {
        Some(bytes) => Head::read(bytes, bytes.len() as u64),
        None => Head::open(path),
    };
    let head = head.map_err(|error| fail(error.to_string()))?;
    Base::of_head(&head).ok_or_else(|| fail("it does not tell its attention heads".to_owned()))
}

/// `tuned/` becomes `tuned.lora.gguf` beside it, and `tuned.lora.gguf` becomes `tuned.lora.peft/`.
fn beside(from: &Path, end: &str) -> Result<PathBuf, Failure> {
    let whole = from
        .canonicalize()
        .map_err(|error| Failure::input(format!("failed to convert {}: {error}", from.display())))?;
    let name = whole.file_name().ok_or_else(|| Failure::usage("name a file: --out PATH"))?.to_string_lossy();
    let stem = if whole.is_file() { name.strip_suffix(".gguf").unwrap_or(&name) } else { &name };
    Ok(whole.with_file_name(format!("{stem}.{end}")))
}
