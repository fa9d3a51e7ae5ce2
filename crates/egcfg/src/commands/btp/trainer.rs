//! Which trainer carries a job out, and the environment of the one over PyTorch and PEFT.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use egcfg_tune::train::{BuiltinTrainer, PeftEnvironment, PeftTrainer, Trainer, setup_peft};

use crate::args::btp::{BtpSetupArgs, TrainerArg, TrainerArgs};
use crate::exit::{Failure, SOLVED};
use crate::output::text::{data, note};

/// A trainer and the base that it trains: the model's file, or the checkpoint folder.
pub(super) type Chosen = (Box<dyn Trainer + Send>, PathBuf);

/// The trainer that the flags name. `model` is the name as it was typed, `file` the model file behind it.
pub(super) fn choose(args: &TrainerArgs, model: &str, file: &Path) -> Result<Chosen, Failure> {
    if args.trainer == TrainerArg::Builtin {
        let idle = [("--checkpoint", args.checkpoint.is_some()), ("--accelerate", args.accelerate.is_some())];
        if let Some((flag, _)) = idle.into_iter().find(|(_, given)| *given) {
            return Err(Failure::usage(format!(
                "{flag} is for --trainer peft, and the built-in trainer has no use for it"
            ))
            .hint("add --trainer peft, or leave it out"));
        }
        return Ok((Box::new(BuiltinTrainer), file.to_owned()));
    }
    let base = args.checkpoint.clone().unwrap_or_else(|| PathBuf::from(model));
    let environment = match &args.trainer_python {
        Some(python) => PeftEnvironment { python: python.clone() },
        None => PeftEnvironment::in_folder(&folder()?),
    };
    let launch = args.accelerate.as_ref().map(|text| text.split_whitespace().map(str::to_owned).collect());
    Ok((Box::new(PeftTrainer { environment, launch }), base))
}

/// `egcfg btp setup`.
pub(super) fn setup(args: &BtpSetupArgs) -> Result<ExitCode, Failure> {
    let folder = match &args.output_dir {
        Some(folder) => folder.clone(),
        None => folder()?,
    };
    let python = args.python.clone().unwrap_or_else(|| PathBuf::from("python3"));
    note(&format!("making {} (PyTorch is large: this takes minutes)", folder.display()));
    let made = setup_peft(&python, &folder)?;
    data(&format!("{}\n", made.python.display()))?;
    Ok(ExitCode::from(SOLVED))
}

/// Where the environment is kept.
fn folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("EGCFG_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("egcfg")))
        .or_else(|| set("HOME").map(|home| home.join(".cache").join("egcfg")));
    cache.map(|cache| cache.join("trainer")).ok_or_else(|| {
        Failure::usage("there is no cache folder").hint("set EGCFG_CACHE, or name a folder with --output-dir")
    })
}
