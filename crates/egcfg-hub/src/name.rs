//! Names of models on the hub: `user/repo`, `user/repo:Q8_0`, `user/repo/file.gguf`, each with `@revision` behind the
//! repository where another than `main` is meant.

/// Which model of which repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubName {
    /// User or organisation.
    pub user: String,
    /// Repository.
    pub repo: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// Which of its files.
    pub pick: Pick,
}

/// Which file of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The one that is chosen by [`crate::choose`].
    Default,
    /// The one of this quantisation.
    Quantisation(String),
    /// This one, by its path in the repository.
    File(String),
}

impl HubName {
    /// Reads a name. What can only be a path is none: it begins with `.`, `/` or `~`, or is one file in one folder.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(['.', '/', '~']) || text.contains("://") || text.contains('\\') {
            return None;
        }
        let (user, rest) = text.split_once('/')?;
        let (repo, file) = match rest.split_once('/') {
            Some((repo, file)) => (repo, Some(file)),
            None => (rest, None),
        };
        let (repo, pick) = match (repo.split_once(':'), file) {
            (None, None) => (repo, Pick::Default),
            (None, Some(file)) => (repo, Pick::File(path(file)?)),
            (Some((repo, tag)), None) => (repo, Pick::Quantisation(word(tag)?)),
            (Some(_), Some(_)) => return None,
        };
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
        let has_end = |end: &str| {
            std::path::Path::new(repo).extension().is_some_and(|own| own.eq_ignore_ascii_case(end))
        };
        if pick == Pick::Default && has_end("gguf") {
            return None;
        }
        Some(Self { user: word(user)?, repo: word(repo)?, revision: word(revision)?, pick })
    }

    /// `user/repo`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.user, self.repo)
    }
}

/// A part of a name, as the hub allows it: nothing that a folder's name would read otherwise.
fn word(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !text.is_empty()
        && text.len() <= 96
        && text.chars().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.contains("..");
    fits.then(|| text.to_owned())
}

/// A path in a repository to a GGUF file.
fn path(text: &str) -> Option<String> {
    text.split('/')
        .all(|part| word(part).is_some())
        .then(|| text.to_owned())
        .filter(|text| text.strip_suffix(".gguf").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_told_apart() {
        let name = HubName::parse("some-one/Coder-1.3b@v2:Q8_0").unwrap();
        assert_eq!((name.repository().as_str(), name.revision.as_str()), ("some-one/Coder-1.3b", "v2"));
        assert_eq!(name.pick, Pick::Quantisation("Q8_0".into()));
        let name = HubName::parse("a/b/sub/c.gguf").unwrap();
        assert_eq!((name.pick, name.revision.as_str()), (Pick::File("sub/c.gguf".into()), "main"));
        assert_eq!(HubName::parse("a/b").unwrap().pick, Pick::Default);
        for path in [
            "pocket",
            "./a/b",
            "/a/b",
            "~/a/b",
            "../a/b",
            "models/coder.gguf",
            "a/b/c.bin",
            "a/../b",
            "a/b/../c.gguf",
            "http://a/b",
            "a/b:",
            "a/",
            "/b",
            "a/b:Q8/c.gguf",
            "a b/c",
            "a/b@",
            "a/.b",
            "a\\b/c",
        ] {
            assert_eq!(HubName::parse(path), None, "{path}");
        }
    }
}
