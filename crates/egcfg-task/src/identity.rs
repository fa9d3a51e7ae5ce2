//! Which model produced a result. A name says little: two files may carry the same one. So a model is identified by the
//! hash of its weights where they are at hand, and by a server's address, model name and own report where they are not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a model is reached, and so what its identity rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// A file; its hash is known.
    File,
    /// A file inside the program; its hash is known.
    Embedded,
    /// Behind a server; the weights are not at hand.
    Server,
    /// Made of code, for tests; the name is all there is.
    Scripted,
}

/// A model, for comparison and storage. Two identities are of the same model exactly if [`ModelIdentity::key`] is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// How it is reached.
    pub kind: ModelKind,
    /// The name it gives itself, or has at its server. Told to people; of weights that are at hand it decides nothing.
    pub name: String,
    /// SHA-256 of the file's content, metadata and tensors; of a split file, over the hashes of its parts in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Adapters that change the weights, in the order in which they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterIdentity>,
    /// The server's address without query and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the server tells about its model, such as where its weights come from or their size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<(String, String)>,
}

/// An adapter applied to a model's weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterIdentity {
    /// SHA-256 of the adapter's content.
    pub sha256: String,
    /// What its change of the weights is multiplied by.
    pub scale: f32,
}

impl Eq for AdapterIdentity {}

impl ModelIdentity {
    /// A model whose weights are at hand.
    pub fn weights(kind: ModelKind, name: &str, sha256: &str) -> Self {
        Self { sha256: Some(sha256.to_owned()), ..Self::bare(kind, name) }
    }

    /// A model behind a server.
    pub fn server(address: &str, name: &str, reported: Vec<(String, String)>) -> Self {
        Self { address: Some(address.to_owned()), reported, ..Self::bare(ModelKind::Server, name) }
    }

    /// A model made of code.
    pub fn scripted(name: &str) -> Self {
        Self::bare(ModelKind::Scripted, name)
    }

    fn bare(kind: ModelKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            sha256: None,
            adapters: Vec::new(),
            address: None,
            reported: Vec::new(),
        }
    }

    /// One line that is equal for the same model and different for another: what keys of stored results hold. Where the
    /// weights are at hand the name and the way they are reached are no part of it.
    pub fn key(&self) -> String {
        let mut key = match (&self.sha256, &self.address) {
            (Some(sha256), _) => format!("sha256:{sha256}"),
            (None, Some(address)) => {
                let told: String = self
                    .reported
                    .iter()
                    .fold(String::new(), |text, (name, value)| text + &format!(" {name}={value}"));
                format!("server:{address}#{}{told}", self.name)
            }
            (None, None) => format!("scripted:{}", self.name),
        };
        for adapter in &self.adapters {
            key = key + "+" + &adapter.sha256 + ":" + &adapter.scale.to_string();
        }
        key
    }
}

/// For people: the name, and enough of what identifies the model to tell two of one name apart.
impl fmt::Display for ModelIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
        write!(f, "{}", self.name)?;
        match (&self.sha256, &self.address) {
            (Some(sha256), _) => write!(f, " (sha256 {})", short(sha256))?,
            (None, Some(address)) => write!(f, " ({address})")?,
            (None, None) => {}
        }
        for adapter in &self.adapters {
            write!(f, " with adapter {} at {}", short(&adapter.sha256), adapter.scale)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide_and_names_do_not() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let file = ModelIdentity::weights(ModelKind::File, "coder", &a);
        let renamed = ModelIdentity::weights(ModelKind::Embedded, "other", &a);
        let retrained = ModelIdentity::weights(ModelKind::File, "coder", &b);
        assert_eq!(file.key(), renamed.key());
        assert_ne!(file.key(), retrained.key());
        let mut adapted = file.clone();
        adapted.adapters.push(AdapterIdentity { sha256: b, scale: 0.5 });
        assert_ne!(file.key(), adapted.key());
        assert_eq!(adapted.to_string(), "coder (sha256 aaaaaaaaaaaa) with adapter bbbbbbbbbbbb at 0.5");
    }

    #[test]
    fn a_server_is_its_address_its_model_and_what_it_tells() {
        let of = |address: &str, name: &str, size: &str| {
            ModelIdentity::server(address, name, vec![("size".to_owned(), size.to_owned())]).key()
        };
        let one = of("http://h/v1", "m", "1");
        assert_eq!(one, of("http://h/v1", "m", "1"));
        for other in [of("http://i/v1", "m", "1"), of("http://h/v1", "n", "1"), of("http://h/v1", "m", "2")] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let mut whole = ModelIdentity::weights(ModelKind::File, "m", "0f");
        whole.adapters.push(AdapterIdentity { sha256: "1e".into(), scale: 1.5 });
        for identity in [
            whole,
            ModelIdentity::scripted("s"),
            ModelIdentity::server("http://h", "m", vec![("a".into(), "b".into())]),
        ] {
            let text = serde_json::to_string(&identity).unwrap();
            assert_eq!(serde_json::from_str::<ModelIdentity>(&text).unwrap(), identity);
        }
    }
}
