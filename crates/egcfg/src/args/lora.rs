//! `--lora`: an adapter's place, what its change is multiplied by, and, for a server, the name it is chosen by.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An adapter as it is typed: `[NAME=]PATH[:SCALE]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoraArg {
    /// The name of the model that it makes, where a server lists it as one of its own.
    pub(crate) name: Option<String>,
    /// A folder in PEFT's form, or a GGUF adapter.
    pub(crate) path: PathBuf,
    /// What its change of the weights is multiplied by.
    pub(crate) scale: f32,
}

impl LoraArg {
    /// An adapter as it was trained.
    #[cfg_attr(not(feature = "llama"), expect(dead_code, reason = "there is nothing to adapt"))]
    pub(crate) fn of(path: &Path) -> Self {
        Self { name: None, path: path.to_owned(), scale: 1.0 }
    }
}

impl FromStr for LoraArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WRONG: &str = "expected a path, or PATH:SCALE; a server takes NAME=PATH[:SCALE] too";
        // A path that is there is never taken apart.
        let there = |text: &str| Path::new(text).exists();
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if !there(text) && !name.contains(['/', ':']) => (Some(name), rest),
            _ => (None, text),
        };
        let (path, scale) = match rest.rsplit_once(':') {
            Some((path, scale)) if !there(rest) => match scale.parse::<f32>() {
                Ok(scale) if scale.is_finite() => (path, scale),
                _ => return Err(format!("{scale:?} is no scale: {WRONG}")),
            },
            _ => (rest, 1.0),
        };
        if path.is_empty() || name.is_some_and(str::is_empty) {
            return Err(WRONG.to_owned());
        }
        Ok(Self { name: name.map(str::to_owned), path: path.into(), scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_a_scale_and_a_name() {
        let parsed = |text: &str| text.parse::<LoraArg>();
        let lora = |name: Option<&str>, path: &str, scale| {
            Ok(LoraArg { name: name.map(str::to_owned), path: path.into(), scale })
        };
        assert_eq!(parsed("a/b"), lora(None, "a/b", 1.0));
        assert_eq!(parsed("a.gguf:0.5"), lora(None, "a.gguf", 0.5));
        assert_eq!(parsed("a.gguf:-1e-1"), lora(None, "a.gguf", -0.1));
        assert_eq!(parsed("mine=a/b:2"), lora(Some("mine"), "a/b", 2.0));
        assert_eq!(parsed("a/b=c"), lora(None, "a/b=c", 1.0));
        for wrong in ["", "=a", "a=", ":1", "a:nan", "a:inf", "a:", "a:b"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        // What is there is a path whatever its name looks like.
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("x:2");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(parsed(odd.to_str().unwrap()), lora(None, odd.to_str().unwrap(), 1.0));
    }
}
