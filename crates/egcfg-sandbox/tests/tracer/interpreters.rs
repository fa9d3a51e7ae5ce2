//! The CPython interpreters that this machine has: on the search path, and as installed by pyenv.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An interpreter and what it can do.
#[derive(Debug, Clone)]
pub(crate) struct Interpreter {
    pub(crate) python: PathBuf,
    pub(crate) version: (u32, u32, u32),
}

impl Interpreter {
    /// The tracing facilities it has.
    pub(crate) fn backends(&self) -> &'static [&'static str] {
        if self.version >= (3, 12, 0) { &["settrace", "monitoring"] } else { &["settrace"] }
    }

    /// Runs a script to its end and gives its standard output; fails the test with its standard error.
    pub(crate) fn output(&self, script: &Path, arguments: &[&str]) -> String {
        let output = Command::new(&self.python)
            .args(["-I", "-B", "-S"])
            .arg(script)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the interpreter starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} {} {arguments:?}:\n{error}", self.version, script.display());
        String::from_utf8(output.stdout).expect("text")
    }
}

/// One interpreter per version from 3.9 on, the newest first.
pub(crate) fn found() -> Vec<Interpreter> {
    let mut places = Vec::new();
    for folder in
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default()
    {
        places.push(folder.join("python3"));
        places.extend((9..20).map(|minor| folder.join(format!("python3.{minor}"))));
    }
    let pyenv = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    if let Some(versions) = pyenv.and_then(|root| root.join("versions").read_dir().ok()) {
        places.extend(versions.flatten().map(|entry| entry.path().join("bin/python3")));
    }
    let mut known = BTreeMap::new();
    for python in places.into_iter().filter(|place| place.exists()) {
        if let Some(version) = version_of(&python).filter(|version| *version >= (3, 9, 0)) {
            known.entry(version).or_insert(Interpreter { python, version });
        }
    }
    let mut interpreters: Vec<Interpreter> = known.into_values().rev().collect();
    interpreters.dedup_by_key(|interpreter| (interpreter.version.0, interpreter.version.1));
    assert!(!interpreters.is_empty(), "no python3 of version 3.9 or later on this machine");
    interpreters
}

fn version_of(python: &Path) -> Option<(u32, u32, u32)> {
    let script = "import sys; print(sys.implementation.name, *sys.version_info[:3])";
    let output = Command::new(python).args(["-I", "-S", "-c", script]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut words = text.split_whitespace();
    if words.next()? != "cpython" {
        return None;
    }
    let mut number = || words.next()?.parse().ok();
    Some((number()?, number()?, number()?))
}
