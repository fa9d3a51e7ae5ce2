//! Reads the fields of a request one by one, so that every mistake is named with its field. What was not read at the end
//! was not understood.

use egcfg_model::TokenId;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// A body as JSON. Half of a surrogate pair, which a text that was cut inside a character leaves, loses nothing else.
fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(body).or_else(|error: serde_json::Error| {
        let message = error.to_string();
        let is_half = message.contains("hex escape") || message.contains("unicode code point");
        match std::str::from_utf8(body) {
            Ok(text) if is_half => serde_json::from_str(&egcfg_files::repaired(text)),
            _ => Err(error),
        }
    })
}

/// The fields of a JSON object.
#[derive(Debug)]
pub(crate) struct Fields {
    map: Map<String, Value>,
    /// Name of the object within the request, with its dot; empty for the request itself.
    within: String,
}

impl Fields {
    /// The request's body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        match parse(body) {
            Ok(Value::Object(map)) => Ok(Self { map, within: String::new() }),
            Ok(_) => Err(ApiError::bad("the body is no JSON object")),
            Err(error) => Err(ApiError::bad(format!("the body is no JSON: {error}"))),
        }
    }

    /// An object that came in another way, under a name with its dot.
    pub(crate) fn within(map: Map<String, Value>, within: String) -> Self {
        Self { map, within }
    }

    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.within)
    }

    /// An error about a field.
    pub(crate) fn error(&self, field: &str, message: impl AsRef<str>) -> ApiError {
        ApiError::field(self.name(field), message)
    }

    /// Takes a field out; `null` is absent.
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|value| !value.is_null())
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.map.get(field).is_some_and(|value| !value.is_null())
    }

    /// A field as it stands; `null` where there is none.
    pub(crate) fn peek(&self, field: &str) -> Value {
        self.map.get(field).cloned().unwrap_or(Value::Null)
    }

    /// A whole number up to a limit.
    pub(crate) fn count(&mut self, field: &str, most: usize) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let number = value.as_u64().or_else(|| whole(value.as_f64()?));
        match number {
            Some(number) if number <= most as u64 => Ok(Some(number as usize)),
            Some(number) => Err(self.error(field, format!("{number} is above the limit of {most}"))),
            None => Err(self.error(field, "expected a whole number, 0 or more")),
        }
    }

    /// A number within bounds.
    pub(crate) fn number(&mut self, field: &str, low: f64, high: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (low..=high).contains(&number) => Ok(Some(number)),
            Some(number) => Err(self.error(field, format!("{number} is not between {low} and {high}"))),
            None => Err(self.error(field, "expected a number")),
        }
    }

    /// A seed: any whole number of 64 bits, signed or not.
    pub(crate) fn seed(&mut self, field: &str) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.take(field) else { return Ok(None) };
        match value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)) {
            Some(seed) => Ok(Some(seed)),
            None => Err(self.error(field, "expected a whole number of 64 bits")),
        }
    }

    /// A truth value; absent is false.
    pub(crate) fn flag(&mut self, field: &str) -> Result<bool, ApiError> {
        Ok(self.flag_or_none(field)?.unwrap_or(false))
    }

    /// A truth value, where there is one.
    pub(crate) fn flag_or_none(&mut self, field: &str) -> Result<Option<bool>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.error(field, "expected true or false")),
        }
    }

    pub(crate) fn text(&mut self, field: &str) -> Result<Option<String>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(field, "expected a string")),
        }
    }

    /// One text or a list of texts.
    pub(crate) fn texts(&mut self, field: &str, most: usize) -> Result<Vec<String>, ApiError> {
        let list = match self.take(field) {
            None => return Ok(Vec::new()),
            Some(Value::String(text)) => vec![Value::String(text)],
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.error(field, "expected a string or a list of strings")),
        };
        if list.len() > most {
            return Err(self.error(field, format!("{} entries are above the limit of {most}", list.len())));
        }
        list.into_iter()
            .map(|value| match value {
                Value::String(text) => Ok(text),
                _ => Err(self.error(field, "expected strings")),
            })
            .collect()
    }

    /// A list of JSON values.
    pub(crate) fn list(&mut self, field: &str, most: usize) -> Result<Option<Vec<Value>>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Array(list)) if list.len() <= most => Ok(Some(list)),
            Some(Value::Array(list)) => {
                Err(self.error(field, format!("{} entries are above the limit of {most}", list.len())))
            }
            Some(_) => Err(self.error(field, "expected a list")),
        }
    }

    /// An object within.
    pub(crate) fn object(&mut self, field: &str) -> Result<Option<Self>, ApiError> {
        let within = format!("{}.", self.name(field));
        match self.take(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map, within })),
            Some(_) => Err(self.error(field, "expected an object")),
        }
    }

    /// An object of a list.
    pub(crate) fn element(&self, field: &str, index: usize, value: Value) -> Result<Self, ApiError> {
        let name = format!("{}[{index}]", self.name(field));
        match value {
            Value::Object(map) => Ok(Self { map, within: format!("{name}.") }),
            _ => Err(ApiError::field(name, "expected an object")),
        }
    }

    /// Refuses a field that this server does not carry out, unless it has a value that asks for nothing.
    pub(crate) fn refuse(&mut self, field: &str, neutral: &[Value]) -> Result<(), ApiError> {
        match self.take(field) {
            Some(value) if !neutral.contains(&value) => {
                Err(self.error(field, "is not supported by this server").code("unsupported_parameter"))
            }
            _ => Ok(()),
        }
    }

    /// The names of fields that nobody read.
    pub(crate) fn rest(self) -> Vec<String> {
        self.map.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect()
    }
}

/// Clients in some languages write whole numbers as `16.0`.
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
}

/// A list of token ids of a vocabulary.
pub(crate) fn token_ids(name: &str, list: &[Value], vocab: usize) -> Result<Vec<TokenId>, ApiError> {
    list.iter()
        .map(|value| match value.as_u64() {
            Some(id) if id < vocab as u64 => Ok(id as TokenId),
            Some(id) => Err(ApiError::field(
                name,
                format!("token id {id} is outside the vocabulary of {vocab} entries"),
            )),
            None => Err(ApiError::field(name, "expected token ids")),
        })
        .collect()
}
