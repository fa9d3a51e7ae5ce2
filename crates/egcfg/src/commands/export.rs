//! `egcfg convert pocket`: the embedded model as a file, so that other engines can serve it: as it is, or with every number in
//! single precision, for comparisons whose noise must be small.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use egcfg_model::{POCKET_GGUF, convert_to_f32};

use crate::args::convert::{ConvertArgs, TypeArg};
use crate::exit::{Failure, SOLVED};
use crate::output::text::data;

pub(crate) fn run(args: &ConvertArgs) -> Result<ExitCode, Failure> {
    let kind = args.kind.name();
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("pocket.{kind}.gguf")));
    let fail = |error: std::io::Error| Failure::input(format!("failed to write {}: {error}", out.display()));
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The file appears whole or not at all.
    let mut file = temporary(folder).map_err(fail)?;
    file.write_all(POCKET_GGUF).map_err(fail)?;
    let file = match args.kind {
        TypeArg::F16 => file,
        TypeArg::F32 => {
            let single = temporary(folder).map_err(fail)?;
            convert_to_f32(file.path(), single.path())?;
            single
        }
        TypeArg::Bf16 | TypeArg::Q8_0 => {
            return Err(Failure::usage(format!("the embedded model cannot be written as {kind}"))
                .hint("it is f16: take that, or f32"));
        }
    };
    file.as_file().sync_all().map_err(fail)?;
    let bytes = file.as_file().metadata().map_err(fail)?.len();
    file.persist(&out).map_err(|error| fail(error.error))?;
    data(&if args.json {
        format!("{}\n", serde_json::json!({ "file": out, "bytes": bytes }))
    } else {
        format!("{}\n", out.display())
    })?;
    Ok(ExitCode::from(SOLVED))
}

/// A file beside the one to come, with the rights of any other file.
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
