//! Kinds of programs and what each gets: limits, modules that are loaded ahead, how memory is counted.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::limits::Limits;

/// A kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Functions over built-in values.
    #[default]
    Plain,
    /// numpy, pandas and what else of their kind the interpreter's environment has, loaded ahead with one thread each.
    /// Memory is counted as resident: such libraries reserve far more address space than they use.
    DataScience,
    /// Programs that read standard input and write standard output, as in programming contests: more time, more output,
    /// a deeper stack.
    Stdio,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::DataScience, Self::Stdio];

    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::DataScience => "data",
            Self::Stdio => "stdio",
        }
    }

    /// The limits of a program of this kind.
    pub fn limits(self) -> Limits {
        let plain = Limits::default();
        match self {
            Self::Plain => plain,
            Self::DataScience => Limits {
                wall: Duration::from_secs(60),
                cpu: Duration::from_secs(30),
                idle: Duration::from_secs(15),
                memory: 4 << 30,
                resident: true,
                file_size: 64 << 20,
                disk: 256 << 20,
                message: 64 << 20,
                files: 256,
                ..plain
            },
            Self::Stdio => Limits {
                wall: Duration::from_secs(20),
                cpu: Duration::from_secs(10),
                output: 16 << 20,
                stack: 256 << 20,
                ..plain
            },
        }
    }

    /// Modules to load ahead, those that there are.
    pub(crate) fn preload(self) -> &'static [&'static str] {
        match self {
            Self::Plain | Self::Stdio => &[],
            Self::DataScience => {
                &["numpy", "pandas", "scipy", "scipy.stats", "sklearn", "sklearn.linear_model", "matplotlib"]
            }
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|profile| profile.name() == text);
        named.ok_or_else(|| "expected plain, data or stdio".to_owned())
    }
}
