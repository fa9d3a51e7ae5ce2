//! Where the fields of a TOML file stand, for messages about values that are only found wrong once all of it is read.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file's text under its name, with the places of its fields.
pub(super) struct Places<'a> {
    name: &'a str,
    text: &'a str,
    table: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Places<'a> {
    /// The places of a text; of one that is no TOML, bytes only.
    pub(super) fn of(name: &'a str, text: &'a str) -> Self {
        Self { name, text, table: DeTable::parse(text).ok() }
    }

    /// The file and the line of a byte.
    pub(super) fn of_byte(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.name)
    }

    /// The file and the line of a field, by a path such as `io[0].compare`. A field that is not there has no line; a part
    /// of one that is there has at least that one's.
    pub(super) fn of_path(&self, path: &str) -> String {
        let mut parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or_default();
        let entry = self.table.as_ref().and_then(|table| table.get_ref().get_key_value(first));
        let Some((key, mut value)) = entry else { return self.name.to_owned() };
        let mut at = key.span().start;
        for part in parts {
            let inner = match (value.get_ref(), part.parse::<usize>()) {
                (DeValue::Array(items), Ok(index)) => items.get(index).map(|item| (item.span().start, item)),
                (DeValue::Table(table), _) => {
                    table.get_key_value(part).map(|(key, value)| (key.span().start, value))
                }
                _ => None,
            };
            let Some(inner) = inner else { break };
            (at, value) = inner;
        }
        self.of_byte(at)
    }
}
