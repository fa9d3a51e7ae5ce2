//! Starts the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What one run gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egcfg"));
    command
        .current_dir(folder)
        .env_remove("EGCFG_MODEL")
        .env_remove("EGCFG_PYTHON")
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1");
    command
}

pub(crate) fn egcfg(folder: &Path, args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(folder).args(args).output().unwrap();
    Ran {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A folder of its own with the given files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
