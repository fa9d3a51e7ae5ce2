//! The interpreter that programs run on: which file it is and what it says about itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::question::ask;
use crate::error::SandboxError;

/// A usable CPython.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The executable itself (not a shim in front of it).
    pub path: PathBuf,
    /// Such as `3.11.7`.
    pub version: String,
    /// Directories that programs must be able to read for imports to work.
    pub(crate) library: Vec<PathBuf>,
    /// Directories of its environment's packages, where the profile wants them.
    pub(crate) packages: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Answer {
    version: (u32, u32, u32),
    name: String,
    executable: PathBuf,
    paths: Vec<PathBuf>,
}

const QUESTION: &str = "import sys, os, json; print(json.dumps(dict(version=sys.version_info[:3], \
name=sys.implementation.name, executable=sys.executable, paths=[p for p in sys.path if os.path.isdir(p)] + \
[os.path.dirname(os.__file__), os.path.join(sys.base_exec_prefix, 'lib')])))";

impl Interpreter {
    /// Directories of installed packages that programs may import from; empty where the profile hides them.
    pub fn packages(&self) -> &[PathBuf] {
        &self.packages
    }

    /// Finds the interpreter: the one named, else an active virtual environment's, else `python3` on `PATH`.
    pub fn find(named: Option<&Path>) -> Result<Self, SandboxError> {
        if let Some(path) = named {
            return Self::ask(path);
        }
        if let Some(environment) = std::env::var_os("VIRTUAL_ENV") {
            let path = Path::new(&environment).join("bin/python3");
            if path.exists() {
                return Self::ask(&path);
            }
        }
        let found = std::env::var_os("PATH").and_then(|path| {
            std::env::split_paths(&path)
                .map(|directory| directory.join("python3"))
                .find(|file| file.is_file())
        });
        found.map_or(Err(SandboxError::NoInterpreter), |path| Self::ask(&path))
    }

    /// Starts the file once and has it say what it is.
    fn ask(path: &Path) -> Result<Self, SandboxError> {
        let bad = |reason: String| SandboxError::BadInterpreter { path: path.to_owned(), reason };
        let output = ask(Command::new(path).args(["-S", "-B", "-E", "-s", "-c", QUESTION]))
            .map_err(|error| bad(error.to_string()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(bad(text.lines().last().unwrap_or("it ended with an error").to_owned()));
        }
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| bad("it does not answer like Python".to_owned()))?;
        let (major, minor, micro) = answer.version;
        let version = format!("{major}.{minor}.{micro}");
        if (major, minor) < (3, 9) {
            return Err(SandboxError::OldInterpreter { path: path.to_owned(), version });
        }
        if answer.name != "cpython" {
            return Err(bad(format!("it is {}, not CPython", answer.name)));
        }
        // A shim answers with the interpreter behind it.
        let path = if answer.executable.is_absolute() { answer.executable } else { path.to_owned() };
        Ok(Self { path, version, library: answer.paths, packages: Vec::new() })
    }

    /// Finds out where its environment's packages are: a virtual environment's, the user's and the system's.
    pub(crate) fn find_packages(&mut self) {
        self.packages = self.installed();
    }

    /// The directories of its environment's packages, whether the profile wants them or not. Starts it once.
    pub(crate) fn installed(&self) -> Vec<PathBuf> {
        let question =
            "import sys, os, json; print(json.dumps([p for p in sys.path if p and os.path.isdir(p)]))";
        let asked = ask(Command::new(&self.path).args(["-B", "-E", "-c", question]));
        let paths: Vec<PathBuf> =
            asked.ok().and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or_default();
        paths.into_iter().filter(|path| !self.library.contains(path)).collect()
    }
}
