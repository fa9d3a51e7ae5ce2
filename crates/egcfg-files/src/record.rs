//! A JSON object as named raw texts. They stay texts until they are asked for, because some hold what no JSON parser should
//! touch: integers of any size, `NaN` and `Infinity`, which the sets' own programs read with Python.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Fault;
use crate::json::{parse, split, string_end};

/// One record, not yet looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// File and line, for messages.
    pub place: String,
    /// Names and raw JSON values, in the file's order.
    pub fields: Vec<(String, String)>,
}

impl Record {
    /// Takes an object apart.
    pub fn parse(place: String, text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if !text.starts_with('{') {
            return Err(Fault::new(place, "not a JSON object"));
        }
        let at = |place: String, offset: usize| {
            let column = text[..offset.min(text.len())].chars().count() + 1;
            Fault::new(place, format!("not valid JSON at column {column}"))
        };
        let (parts, fault) = split(text, b'{', b'}');
        if let Some(offset) = fault {
            // A string that never ends is told from where it begins.
            return Err(at(place, offset));
        }
        let mut fields = Vec::with_capacity(parts.len());
        for part in parts {
            let offset = part.as_ptr() as usize - text.as_ptr() as usize;
            let parted = string_end(part.as_bytes(), 0).and_then(|end| {
                let name: String = parse(&part[..end]).ok()?;
                Some((name, part[end..].trim_start().strip_prefix(':')?.trim()))
            });
            match parted {
                Some((name, value)) => fields.push((name, value.to_owned())),
                None => return Err(at(place, offset)),
            }
        }
        Ok(Self { place, fields })
    }

    /// A field's raw JSON text; a field that holds `null` counts as absent. Of two with one name the last counts, as in
    /// Python.
    pub fn raw(&self, field: &str) -> Option<&str> {
        let found = self.fields.iter().rev().find(|(name, _)| name == field);
        found.map(|(_, value)| value.as_str()).filter(|value| *value != "null")
    }

    /// A fault of a field.
    pub fn wrong(&self, field: &str, reason: impl Into<String>) -> Fault {
        Fault::field(self.place.clone(), field, reason)
    }

    /// A field of a type, where it is there.
    pub fn optional<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, Fault> {
        self.raw(field).map(parse).transpose().map_err(|error| {
            let text = error.to_string();
            self.wrong(field, text.split(" at line ").next().unwrap_or(&text))
        })
    }

    /// A field of a type that must be there.
    pub fn required<T: DeserializeOwned>(&self, field: &str) -> Result<T, Fault> {
        self.optional(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// The first of several fields that is there (names differ between the layouts of a set).
    pub fn either<T: DeserializeOwned>(&self, fields: &[&str]) -> Result<T, Fault> {
        for field in fields {
            if let Some(value) = self.optional(field)? {
                return Ok(value);
            }
        }
        Err(self.wrong(fields.first().copied().unwrap_or_default(), "is missing"))
    }

    /// An id: a string, or a number as a string. Tables turn a column of numbers into `4.0` where one is missing.
    pub fn id(&self, field: &str) -> Result<String, Fault> {
        match self.required::<Value>(field)? {
            Value::String(id) if !id.trim().is_empty() => Ok(id),
            Value::Number(id) => {
                let id = id.to_string();
                Ok(id.strip_suffix(".0").unwrap_or(&id).to_owned())
            }
            _ => Err(self.wrong(field, "expected a name or a number")),
        }
    }

    /// A list of texts; an absent field is an empty list.
    pub fn texts(&self, field: &str) -> Result<Vec<String>, Fault> {
        Ok(self.optional(field)?.unwrap_or_default())
    }

    /// An object within, as a record of its own.
    pub fn object(&self, field: &str) -> Result<Option<Self>, Fault> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        match Self::parse(self.place.clone(), raw) {
            Ok(record) => Ok(Some(record)),
            Err(_) => Err(self.wrong(field, "expected an object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::Record;
    use crate::json::array_parts;

    #[test]
    fn what_only_python_reads_stays_as_it_is() {
        let line =
            r#"{"id": "a,}\"]", "inputs": [[NaN, -Infinity], [123456789012345678901234567890]], "n": {}}"#;
        let record = Record::parse("f:1".into(), line).unwrap();
        assert_eq!(record.fields[0], ("id".into(), r#""a,}\"]""#.into()));
        assert_eq!(record.fields[1].1, "[[NaN, -Infinity], [123456789012345678901234567890]]");
        let items = array_parts(&record.fields[1].1).unwrap();
        assert_eq!(items, ["[NaN, -Infinity]", "[123456789012345678901234567890]"]);
    }

    #[test]
    fn broken_records_are_named() {
        for (line, column) in [
            ("{\"a\": 1", 8),
            ("{\"a\": [1}", 9),
            ("{\"a\": 1} x", 9),
            ("{\"a\": 1,, \"b\": 2}", 9),
            ("{\"ä\": \"ab", 7),
        ] {
            let error = Record::parse("f.jsonl:3".into(), line).unwrap_err().to_string();
            assert_eq!(error, format!("f.jsonl:3: not valid JSON at column {column}"), "{line}");
        }
        assert_eq!(Record::parse("f:1".into(), "[1]").unwrap_err().to_string(), "f:1: not a JSON object");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Split into raw fields and each parsed: the same object as a JSON parser's.
        #[test]
        fn fields_are_those_of_a_json_parser(pairs in prop::collection::vec((".{0,6}", json()), 0..5), pretty: bool) {
            let value = Value::Object(pairs.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let record = Record::parse("f:1".into(), &text).unwrap();
            let again = record.fields.iter().map(|(name, raw)| (name.clone(), serde_json::from_str(raw).unwrap()));
            prop_assert_eq!(Value::Object(again.collect()), value);
        }

        /// No text makes it panic.
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}\",:\\\\a1 \\nä]{0,40}") {
            let _ = Record::parse("f:1".into(), &text);
        }
    }
}
