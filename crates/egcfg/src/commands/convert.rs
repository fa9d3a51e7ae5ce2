//! `egcfg convert`: a checkpoint folder to a GGUF file, or the embedded model to one; adapters are converted beside this.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use egcfg_hub::checkpoint::{Options, convert};

use crate::args::convert::ConvertArgs;
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, note};
use crate::parts::{beside_the_work, checkpoint_failure};

pub(crate) fn run(args: ConvertArgs) -> Result<ExitCode, Failure> {
    #[cfg(feature = "llama")]
    if args.folder.as_os_str() == "pocket" && !args.folder.exists() {
        return super::export::run(&args);
    }
    if let Some(done) = super::convert_adapter::run(&args)? {
        return Ok(done);
    }
    if args.base.is_some() {
        return Err(Failure::usage(format!("--base: {} is no adapter", args.folder.display())));
    }
    if !args.folder.is_dir() {
        return Err(Failure::input(format!(
            "failed to convert {}: it is neither a folder nor a GGUF adapter",
            args.folder.display()
        )));
    }
    let out = match args.out {
        Some(out) => out,
        None => beside(&args.folder, args.kind.name())?,
    };
    let options = Options { matrices: args.kind.into(), ..Options::default() };
    let (folder, target) = (args.folder.clone(), out.clone());
    let summary = beside_the_work(move |watch| convert(&folder, &target, &options, watch))?
        .map_err(|error| checkpoint_failure(&args.folder, &error))?;
    let text = if args.json {
        let object = serde_json::json!({
            "file": out, "architecture": summary.architecture, "tensors": summary.tensors,
            "parameters": summary.parameters, "bytes": summary.bytes,
        });
        format!("{object}\n")
    } else {
        note(&format!(
            "{}, {} tensors, {:.1} million parameters, {} MiB",
            summary.architecture,
            summary.tensors,
            summary.parameters as f64 / 1e6,
            summary.bytes >> 20
        ));
        format!("{}\n", out.display())
    };
    data(&text)?;
    Ok(ExitCode::from(SOLVED))
}

/// `coder/` and f16 become `coder.f16.gguf` beside it.
fn beside(folder: &Path, kind: &str) -> Result<PathBuf, Failure> {
    let whole = folder
        .canonicalize()
        .map_err(|error| Failure::input(format!("failed to convert {}: {error}", folder.display())))?;
    let name = whole.file_name().ok_or_else(|| Failure::usage("name a file: --out FILE"))?;
    Ok(whole.with_file_name(format!("{}.{kind}.gguf", name.to_string_lossy())))
}
