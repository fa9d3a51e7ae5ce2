//! The layers of protection, from none to control groups. Each layer holds the ones below it; which one is in force is
//! found out by doing, never assumed.

use std::fmt;
use std::str::FromStr;

/// A layer, with all layers below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A process of its own with limits, and nothing that keeps a hostile program in. Only when asked for.
    None,
    /// What needs no special rights: session, environment, rlimits, `no_new_privs`, Landlock, seccomp, private directory.
    L0,
    /// Namespaces: user, mount, pid, network, IPC, UTS; a root of its own with a private `/proc`.
    L1,
    /// A control group per run: memory and processes counted over the whole tree, which dies as one.
    L2,
}

impl Level {
    /// All of them, the strongest last.
    pub const ALL: [Self; 4] = [Self::None, Self::L0, Self::L1, Self::L2];

    /// Its name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::L0 => "L0",
            Self::L1 => "L1",
            Self::L2 => "L2",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which layer a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LevelChoice {
    /// The strongest that this machine allows, up to [`Level::L1`]; see [`crate::Sandbox::missing`] for what it does not. Control
    /// groups have to be asked for: moving a process into one waits for all processors, which slows every run.
    #[default]
    Auto,
    /// This one and no further; an error where it cannot be had.
    Exactly(Level),
}

impl LevelChoice {
    /// The strongest layer that is to be tried.
    pub(crate) fn ceiling(self) -> Level {
        match self {
            Self::Auto => Level::L1,
            Self::Exactly(level) => level,
        }
    }
}

impl fmt::Display for LevelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Exactly(level) => level.fmt(f),
        }
    }
}

impl FromStr for LevelChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        let named = Level::ALL.into_iter().find(|level| text.eq_ignore_ascii_case(level.name()));
        named.map(Self::Exactly).ok_or_else(|| "expected auto, L0, L1, L2 or none".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(LevelChoice::Exactly(level)));
        }
        assert_eq!("Auto".parse(), Ok(LevelChoice::Auto));
        assert_eq!("l1".parse(), Ok(LevelChoice::Exactly(Level::L1)));
        assert!("L3".parse::<LevelChoice>().is_err());
        assert!(Level::None < Level::L0 && Level::L1 < Level::L2);
    }
}
