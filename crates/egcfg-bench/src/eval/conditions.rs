//! Everything besides a task and a program that a verdict depends on. A kept verdict counts again under the very same
//! conditions only.

use std::path::{Path, PathBuf};

use egcfg_grade::SandboxExecutor;
use egcfg_sandbox::SandboxOptions;

/// Raised whenever a change of this program may change a verdict.
const RULES: u32 = 2;

/// Conditions, each with its name, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions(Vec<(&'static str, String)>);

impl Conditions {
    /// The conditions in a started sandbox. What was asked of the clocks counts, not what a slow machine made of it: that
    /// is measured anew at each start.
    pub fn of(options: &SandboxOptions, executor: &SandboxExecutor) -> Self {
        let sandbox = &executor.sandbox;
        let python = sandbox.interpreter();
        let parts = sandbox.protections().iter().filter(|part| part.missing.is_none());
        let parts: Vec<&str> = parts.map(|part| part.name).collect();
        let mut paths = options.import_paths.clone();
        paths.extend_from_slice(python.packages());
        Self(vec![
            ("rules", format!("{RULES} {}", env!("CARGO_PKG_VERSION"))),
            ("profile", sandbox.profile().name().to_owned()),
            ("limits", format!("{:?}", options.limits)),
            ("calibration", options.calibrate.to_string()),
            ("level", sandbox.level().name().to_owned()),
            ("protections", parts.join(",")),
            ("interpreter", format!("{} {}", python.path.display(), python.version)),
            ("packages", packages(paths)),
            ("preloaded", options.preload.join(",")),
        ])
    }

    /// All of them as one text.
    pub fn text(&self) -> String {
        self.0.iter().fold(String::new(), |text, (name, value)| text + &format!("{name}={value}\n"))
    }
}

/// What can be imported from some folders: names, which hold the versions of what was installed, and when each was changed.
fn packages(mut paths: Vec<PathBuf>) -> String {
    paths.sort();
    paths.dedup();
    paths.iter().fold(String::new(), |text, path| text + &format!("{}: {}\n", path.display(), listing(path)))
}

fn listing(path: &Path) -> String {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| {
            let changed = entry.metadata().ok().and_then(|data| data.modified().ok());
            let changed = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            format!("{} {}", entry.file_name().to_string_lossy(), changed.map_or(0, |time| time.as_secs()))
        })
        .filter(|name| !name.starts_with("__pycache__"))
        .collect();
    names.sort();
    names.join(",")
}
