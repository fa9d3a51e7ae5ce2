//! What keeps a file, or a part of one, from being read.

use std::fmt;
use std::path::PathBuf;

/// The environment variable that sets another bound, in MiB. It then is the only one: no ratio is looked at.
pub const VARIABLE: &str = "EGCFG_UNPACK_LIMIT";

/// Why a file as a whole cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system's own reason.
    #[error("failed to read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is there, and is something else than a file with content: reading it might wait forever, or never end.
    #[error("failed to read {}: it is a {kind}, not a regular file", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Its content is larger than the bounds allow.
    #[error("failed to read {}: {reason}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Which bound, with both numbers.
        reason: String,
    },
    /// Its content is in no form that is read.
    #[error("failed to read {}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The variable that lifts the bounds holds no size.
    #[error("{VARIABLE} is '{0}', which is not a number of MiB above 0")]
    Setting(String),
}

impl FileError {
    /// What a person can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRegular { kind: "directory", .. } => None,
            Self::NotRegular { .. } => Some("write its content into a file first".to_owned()),
            Self::TooLarge { .. } => Some(format!(
                "if the file is what it should be, set {VARIABLE}=MIB in the environment, as in {VARIABLE}=8192"
            )),
            _ => None,
        }
    }

    /// What is wrong, without the path: for errors that name the file themselves.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { error, .. } => error.to_string(),
            Self::NotRegular { kind, .. } => format!("it is a {kind}, not a regular file"),
            Self::TooLarge { reason, .. } | Self::Content { reason, .. } => reason.clone(),
            Self::Setting(_) => self.to_string(),
        }
    }

    /// Whether there is no such file.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound)
    }
}

/// What is wrong with one line, entry or record; the rest of its file is not concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// File and line.
    pub place: String,
    /// The field, where it is one field's fault.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl Fault {
    /// A fault of a whole line.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), field: None, reason: reason.into() }
    }

    /// A fault of a field.
    pub fn field(place: impl Into<String>, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), field: Some(field.into()), reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{}: field `{field}`: {}", self.place, self.reason),
            None => write!(f, "{}: {}", self.place, self.reason),
        }
    }
}

impl std::error::Error for Fault {}
