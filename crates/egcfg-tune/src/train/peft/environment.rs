//! The Python that the worker runs on: made once, in a virtual environment of its own, and looked at before it is used.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::TuneError;

/// What the worker imports, as pip is asked for it.
pub const PACKAGES: [&str; 5] =
    ["torch>=2.4", "transformers>=4.56", "peft>=0.17", "accelerate>=1.6", "safetensors>=0.4"];

/// An interpreter with the packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The interpreter.
    pub python: PathBuf,
}

impl Environment {
    /// The environment in a folder that [`setup`] made.
    pub fn in_folder(folder: &Path) -> Self {
        Self { python: folder.join("bin").join("python") }
    }

    /// Sees whether the worker can run there; the error says what is missing.
    pub fn check(&self) -> Result<(), TuneError> {
        let missing = |reason: String| {
            TuneError::Worker(format!(
                "{}: {reason} (hint: egcfg btp setup makes an environment; --trainer-python names another one)",
                self.python.display()
            ))
        };
        let names = PACKAGES.map(|package| package.split('>').next().unwrap_or(package));
        // Found, not imported: PyTorch alone takes seconds.
        let code = format!(
            "import importlib.util, sys; sys.exit(' '.join(n for n in {names:?} if not importlib.util.find_spec(n)) or 0)"
        );
        let output = Command::new(&self.python)
            .args(["-c", &code])
            .output()
            .map_err(|error| missing(format!("it does not start: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(missing(format!("it lacks {}", said.trim())))
    }
}

/// Makes a virtual environment in a folder and installs the packages; pip speaks on standard error. A folder that has them
/// already is left as it is.
pub fn setup(python: &Path, folder: &Path) -> Result<Environment, TuneError> {
    let made = Environment::in_folder(folder);
    if made.check().is_ok() {
        return Ok(made);
    }
    let step = |what: &str, command: &mut Command| -> Result<(), TuneError> {
        let output = command
            .stdin(std::process::Stdio::null())
            // Data alone goes to standard output.
            .stdout(std::io::stderr())
            .status()
            .map_err(|error| TuneError::Worker(format!("{what}: {error}")))?;
        if output.success() {
            Ok(())
        } else {
            Err(TuneError::Worker(format!("{what}: it ended with {output}")))
        }
    };
    step("python -m venv", Command::new(python).args(["-m", "venv"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--disable-pip-version-check"];
    step("pip install", Command::new(&made.python).args(pip).args(PACKAGES)).map_err(|error| match error {
        TuneError::Worker(reason) => TuneError::Worker(format!(
            "{reason} (hint: without a network, install {} by yourself and name that Python with --trainer-python)",
            PACKAGES.join(" ")
        )),
        other => other,
    })?;
    made.check()?;
    Ok(made)
}
