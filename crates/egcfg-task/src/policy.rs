//! The ways to grow a tree, and their names on the command line and in configurations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which program a tree grows by next. All give leaves of the same kind, with the log-probability of their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Policy {
    /// Draws as if there were no tree, and counts every token again: best-of-N, and the published method's candidates.
    Independent,
    /// Sampling without replacement, exact (Shi, Bieber and Singh 2020): a program is never drawn twice, and what was drawn
    /// leaves its probability to the others.
    Unique,
    /// The unexpanded token with the most probable path is taken and continued greedily (Grubisic and others 2024).
    #[default]
    Priority,
    /// Beam search; the width is the search's.
    Beam,
    /// Beam search by log-probability per token.
    NormalisedBeam,
}

impl Policy {
    /// Every policy, in the order in which they are explained.
    pub const ALL: [Self; 5] =
        [Self::Independent, Self::Unique, Self::Priority, Self::Beam, Self::NormalisedBeam];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Unique => "unique",
            Self::Priority => "priority",
            Self::Beam => "beam",
            Self::NormalisedBeam => "beam-normalised",
        }
    }
}

/// A name that no policy has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("policy '{0}' is unknown (there are independent, unique, priority, beam, beam-normalised)")]
pub struct PolicyError(String);

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(name: &str) -> Result<Self, PolicyError> {
        Self::ALL.into_iter().find(|policy| policy.name() == name).ok_or_else(|| PolicyError(name.to_owned()))
    }
}

impl TryFrom<String> for Policy {
    type Error = PolicyError;

    fn try_from(name: String) -> Result<Self, PolicyError> {
        name.parse()
    }
}

impl From<Policy> for String {
    fn from(policy: Policy) -> Self {
        policy.name().to_owned()
    }
}
