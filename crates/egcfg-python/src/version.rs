//! Which Python a text is written for: the syntax that is valid differs from release to release.

use std::fmt;
use std::str::FromStr;

/// A Python release that egcfg knows the syntax of: 3.7 to 3.14.
///
/// Agreement with `compile()` is tested on 3.9 and later; 3.7 and 3.8 are understood as far as the parser knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// Always 3.
    pub major: u8,
    /// 7 to 14.
    pub minor: u8,
}

/// The minor releases that are known, first and last.
const MINORS: std::ops::RangeInclusive<u8> = 7..=14;

impl PythonVersion {
    /// The version `3.minor`; releases outside 3.7 to 3.14 are an error.
    pub fn new(major: u8, minor: u8) -> Result<Self, VersionError> {
        if major == 3 && MINORS.contains(&minor) {
            Ok(Self { major, minor })
        } else {
            Err(VersionError { text: format!("{major}.{minor}") })
        }
    }

    pub(crate) const fn at_least(self, minor: u8) -> bool {
        self.minor >= minor
    }

    pub(crate) const fn target(self) -> ruff_python_ast::PythonVersion {
        ruff_python_ast::PythonVersion { major: self.major, minor: self.minor }
    }
}

impl Default for PythonVersion {
    /// 3.11.
    fn default() -> Self {
        Self { major: 3, minor: 11 }
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = VersionError;

    /// Reads `3.11`, and `3.11.7` as the same.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError { text: text.to_owned() };
        let mut parts = text.trim().split('.');
        let mut number = || parts.next().and_then(|part| part.parse::<u8>().ok()).ok_or_else(error);
        Self::new(number()?, number()?).map_err(|_| error())
    }
}

/// A version that is not one of those known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("python version `{text}` is not known; expected 3.7 to 3.14, for example `3.11`")]
pub struct VersionError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_and_print() {
        let version: PythonVersion = "3.12.1".parse().unwrap();
        assert_eq!(version, PythonVersion::new(3, 12).unwrap());
        assert_eq!(version.to_string(), "3.12");
        for bad in ["2.7", "3.6", "3.15", "3", "three", ""] {
            assert!(bad.parse::<PythonVersion>().unwrap_err().to_string().contains("3.7 to 3.14"), "{bad}");
        }
    }
}
