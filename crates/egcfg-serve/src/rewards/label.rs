//! What a label says: a task's tests, in one of the forms that training data has.

use egcfg_task::Task;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided::task;
use crate::limits::Limits;

/// Reads a label: an object, or the same as JSON text, with `tests` as a guided request has them, or with `inputs` and
/// `outputs` of a program that reads standard input; or asserts as plain text.
pub(crate) fn read(limits: &Limits, name: &str, label: Value) -> Result<Task, ApiError> {
    let map = match label {
        Value::Object(map) => map,
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(map)) => map,
            Ok(Value::Array(tests)) => Map::from_iter([("tests".to_owned(), Value::Array(tests))]),
            _ => {
                // What is no Python is a test that cannot run: an answer's reward, not the request's error.
                let tests = egcfg_python::statements(&text).unwrap_or_else(|| vec![text]);
                if tests.iter().all(|test| test.trim().is_empty()) {
                    return Err(ApiError::field(name, "holds no tests"));
                }
                Map::from_iter([("tests".to_owned(), json!(tests))])
            }
        },
        Value::Array(tests) => Map::from_iter([("tests".to_owned(), Value::Array(tests))]),
        _ => return Err(ApiError::field(name, "expected tests, or a text that holds them")),
    };
    let mut fields = Fields::within(map, format!("{name}."));
    if fields.has("inputs") && !fields.has("tests") {
        let tests = pairs(limits, &mut fields)?;
        return task(limits, &mut tests.with(&fields, name), String::new());
    }
    task(limits, &mut fields, String::new())
}

/// `inputs` and `outputs`, one to one.
struct Pairs(Vec<Value>);

impl Pairs {
    fn with(self, fields: &Fields, name: &str) -> Fields {
        let mut map = Map::from_iter([("tests".to_owned(), Value::Array(self.0))]);
        for field in ["entry_point", "setup_code", "header"] {
            map.insert(field.to_owned(), fields.peek(field));
        }
        Fields::within(map, format!("{name}."))
    }
}

fn pairs(limits: &Limits, fields: &mut Fields) -> Result<Pairs, ApiError> {
    if fields.has("fn_name") {
        let message =
            "inputs of a function are not supported by this server; write them as asserts in 'tests'";
        return Err(fields.error("fn_name", message).code("unsupported_parameter"));
    }
    let inputs = fields.list("inputs", limits.tests)?.unwrap_or_default();
    let outputs = fields.list("outputs", limits.tests)?.unwrap_or_default();
    if inputs.len() != outputs.len() {
        return Err(fields.error("outputs", "expected as many as there are inputs"));
    }
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        _ => Err(fields.error("inputs", "expected texts")),
    };
    let pair = |(input, output)| Ok(json!({ "stdin": text(input)?, "stdout": text(output)? }));
    Ok(Pairs(inputs.into_iter().zip(outputs).map(pair).collect::<Result<_, ApiError>>()?))
}

#[cfg(test)]
mod tests {
    use egcfg_task::Test;

    use super::*;

    #[test]
    fn labels_come_in_several_forms() {
        let asserts = ["assert f(1) == 2", "assert f(2) == 3"];
        for label in [
            json!({ "tests": asserts }),
            json!(json!({ "tests": asserts }).to_string()),
            json!(asserts),
            json!(json!(asserts).to_string()),
            json!("assert f(1) == 2\nassert f(2) == 3\n"),
        ] {
            let task = read(&Limits::default(), "labels[0]", label.clone()).unwrap();
            assert_eq!(task.entry_point, "f");
            assert_eq!(task.shown_tests, asserts.map(|test| Test::Assert(test.to_owned())), "{label}");
        }
        let label = json!({ "inputs": ["1\n", "2\n"], "outputs": ["2\n", "4\n"] });
        let task = read(&Limits::default(), "labels[0]", label).unwrap();
        assert_eq!(task.shown_tests, [Test::stdio("1\n", "2\n"), Test::stdio("2\n", "4\n")]);
    }

    #[test]
    fn what_is_no_label_is_named() {
        for label in [
            json!(3),
            json!("42"),
            json!(""),
            json!({}),
            json!({ "tests": [] }),
            json!({ "tests": ["assert f("] }),
            json!({ "inputs": ["1"], "outputs": [] }),
            json!({ "inputs": [[1]], "outputs": [2], "fn_name": "f" }),
        ] {
            let error = read(&Limits::default(), "labels[7]", label.clone()).unwrap_err();
            assert!(error.to_string().starts_with("labels[7]"), "{label}: {error}");
        }
    }
}
