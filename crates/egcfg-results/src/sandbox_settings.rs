//! The sandbox's part of an experiment: what was asked of it, as far as it can change a verdict.

use serde::{Deserialize, Serialize};

/// What the sandbox was asked for, besides the time and memory of a test, which an experiment has kept from the beginning. What was
/// asked counts, and not what a machine made of it: the level in force, the factor for a slow machine and the interpreter may
/// differ between agents, and each result names its own. A key that a file lacks was not kept when it was written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SandboxSettings {
    /// The kind of programs: `plain`, `data` or `stdio`. It decides what has no key here: stack, descriptors, how memory is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The layer of protection: `auto`, or a level by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Seconds of real time for one test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_limit: Option<f64>,
    /// Seconds in which a test may do nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_limit: Option<f64>,
    /// Threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_limit: Option<u64>,
    /// Output in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_limit: Option<u64>,
    /// All files together, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_limit: Option<u64>,
    /// Files and directories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_limit: Option<u64>,
    /// Limits of time grow on a slow machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<bool>,
    /// Tests that no wrong program can fail are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_doubtful_tests: Option<bool>,
    /// Libraries that data-science programs find, by their modules' names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<String>>,
}

impl SandboxSettings {
    /// Names of the keys that both have and that say something else.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let table = |settings: &Self| toml::Table::try_from(settings).unwrap_or_default();
        let (ours, theirs) = (table(self), table(other));
        let differs =
            |(key, value): &(&String, &toml::Value)| theirs.get(*key).is_some_and(|found| found != *value);
        ours.iter().filter(differs).map(|(key, _)| format!("sandbox.{key}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_not_kept_is_no_difference() {
        let own =
            SandboxSettings { wall_limit: Some(10.0), calibrate: Some(true), ..SandboxSettings::default() };
        let old = SandboxSettings { wall_limit: Some(10.0), ..SandboxSettings::default() };
        assert_eq!(own.differences(&old), [""; 0]);
        let other = SandboxSettings { wall_limit: Some(0.3), calibrate: Some(false), ..old };
        assert_eq!(own.differences(&other), ["sandbox.calibrate", "sandbox.wall_limit"]);
    }
}
