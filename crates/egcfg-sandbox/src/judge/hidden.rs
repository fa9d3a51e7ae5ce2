//! The hint for a program that failed because its profile does not let it see a module that the interpreter has: such a
//! program is not wrong, it was run as one of another kind.

use std::path::{Path, PathBuf};

use egcfg_task::TestResult;

use crate::profile::Profile;

/// The module that a program, or its test, did not find; nothing where it failed by something else.
pub(crate) fn not_found(result: &TestResult) -> Option<&str> {
    let (_, rest) = result.error.as_deref()?.split_once("No module named '")?;
    let name = rest.split(['.', '\'']).next()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// Whether one of these directories holds a module of this name.
pub(crate) fn has(packages: &[PathBuf], module: &str) -> bool {
    packages.iter().any(|directory| {
        directory.join(module).is_dir()
            || directory.join(format!("{module}.py")).is_file()
            || std::fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.strip_prefix(module).is_some_and(|rest| {
                    rest.starts_with('.') && Path::new(rest).extension().is_some_and(|end| end == "so")
                })
            })
    })
}

/// Says what to do about a module that the profile hides.
pub(crate) fn explain(result: &mut TestResult, module: &str, profile: Profile) {
    if let Some(error) = &mut result.error {
        *error = format!(
            "{error} (hint: this interpreter has {module}, but programs of the {profile} profile do not see it; --profile data shows it to them)"
        );
    }
}

#[cfg(test)]
mod tests {
    use egcfg_task::Verdict;

    use super::*;

    fn result(error: &str) -> TestResult {
        let verdict = Verdict::Exception { exception: "ModuleNotFoundError".to_owned() };
        TestResult {
            verdict,
            seconds: 0.0,
            error: Some(error.to_owned()),
            got: None,
            unproven: false,
            flaky: false,
        }
    }

    #[test]
    fn only_a_module_that_is_there_is_hidden() {
        let packages = tempfile::tempdir().unwrap();
        for file in ["one.py", "two.cpython-311-x86_64-linux-gnu.so", "threefold.py"] {
            std::fs::write(packages.path().join(file), "").unwrap();
        }
        std::fs::create_dir(packages.path().join("four")).unwrap();
        let packages = [packages.path().to_owned()];
        let found = ["one", "two", "three", "four", "five"].map(|name| has(&packages, name));
        assert_eq!(found, [true, true, false, true, false]);
        assert_eq!(not_found(&result("ModuleNotFoundError: No module named 'four.part'")), Some("four"));
        assert_eq!(not_found(&result("ModuleNotFoundError: No module named '../four'")), None);
        assert_eq!(not_found(&result("ValueError: four")), None);
    }
}
