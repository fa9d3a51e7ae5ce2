//! Typed access to a record's fields; a mistake is named with its place and field.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::DatasetError;
use super::source::Record;

impl Record {
    /// A field's raw JSON text; a field that holds `null` counts as absent.
    pub(super) fn raw(&self, field: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value.as_str()).filter(|value| *value != "null")
    }

    /// An error about a field.
    pub(super) fn wrong(&self, field: &str, reason: impl Into<String>) -> DatasetError {
        DatasetError::Field { place: self.place.clone(), field: field.to_owned(), reason: reason.into() }
    }

    /// A field of a type, where it is there.
    pub(super) fn optional<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, DatasetError> {
        let parsed = self.raw(field).map(serde_json::from_str).transpose();
        parsed.map_err(|error| {
            let text = error.to_string();
            self.wrong(field, text.split(" at line ").next().unwrap_or(&text))
        })
    }

    /// A field of a type that must be there.
    pub(super) fn required<T: DeserializeOwned>(&self, field: &str) -> Result<T, DatasetError> {
        self.optional(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// The first of several fields that is there (names differ between the layouts of a set).
    pub(super) fn either<T: DeserializeOwned>(&self, fields: &[&str]) -> Result<T, DatasetError> {
        for field in fields {
            if let Some(value) = self.optional(field)? {
                return Ok(value);
            }
        }
        Err(self.wrong(fields[0], "is missing"))
    }

    /// A task's id: a string, or a number as a string.
    pub(super) fn id(&self, field: &str) -> Result<String, DatasetError> {
        match self.required::<Value>(field)? {
            Value::String(id) if !id.is_empty() => Ok(id),
            Value::Number(id) => Ok(id.to_string()),
            _ => Err(self.wrong(field, "expected a name or a number")),
        }
    }

    /// A list of texts; an absent field is an empty list. Some layouts hold the list as JSON in a string.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, DatasetError> {
        Ok(self.optional(field)?.unwrap_or_default())
    }
}
