//! The task of a guided request: its tests, the function that they call, and the code around it.

use egcfg_task::{Compare, Form as TaskForm, Task, Test};
use serde_json::Value;

use crate::error::ApiError;
use crate::fields::Fields;
use crate::limits::Limits;

/// Reads the task.
pub(crate) fn task(limits: &Limits, fields: &mut Fields, prompt: String) -> Result<Task, ApiError> {
    let list = fields.list("tests", limits.tests)?.unwrap_or_default();
    if list.is_empty() {
        return Err(fields.error("tests", "is empty"));
    }
    let mut tests = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let test = match value {
            Value::String(source) => {
                let at = |message: &str| fields.error(&format!("tests[{index}]"), message);
                if source.len() > limits.test_bytes {
                    return Err(at(&format!("is longer than {} bytes", limits.test_bytes)));
                }
                egcfg_python::check(&source, egcfg_python::PythonVersion::default())
                    .map_err(|fault| at(&format!("not valid Python: {}", fault.message)))?;
                Test::Assert(source)
            }
            other => {
                let mut io = fields.element("tests", index, other)?;
                let stdin = io.text("stdin")?.unwrap_or_default();
                let stdout = io.text("stdout")?.ok_or_else(|| io.error("stdout", "is missing"))?;
                if stdin.len() + stdout.len() > limits.test_bytes {
                    return Err(io.error("stdin", format!("is longer than {} bytes", limits.test_bytes)));
                }
                let rule = Compare::from_fields(
                    io.text("compare")?.as_deref(),
                    io.number("tolerance", 0.0, f64::MAX)?,
                    io.flag_or_none("ignore_case")?,
                );
                let compare = rule.map_err(|(field, reason)| io.error(field, reason))?;
                Test::Stdio { stdin, stdout, compare }
            }
        };
        tests.push(test);
    }
    let asserts: Vec<&str> =
        tests.iter().filter_map(|t| if let Test::Assert(s) = t { Some(s.as_str()) } else { None }).collect();
    let form = match asserts.len() {
        0 => TaskForm::Stdio,
        all if all == tests.len() => TaskForm::Asserts,
        _ => return Err(fields.error("tests", "statements and stdin/stdout pairs cannot stand together")),
    };
    let entry_point = match fields.text("entry_point")? {
        Some(name) if egcfg_python::is_name(&name) => name,
        Some(name) => return Err(fields.error("entry_point", format!("'{name}' is not a name"))),
        None if form == TaskForm::Stdio => "solve".to_owned(),
        None => egcfg_python::entry_point(&asserts).ok_or_else(|| {
            fields.error("entry_point", "is needed: the tests call no function that could be meant")
        })?,
    };
    let allowed = fields.flag("allow_doubtful_tests")?;
    let mut python = |name: &str| -> Result<String, ApiError> {
        let text = fields.text(name)?.unwrap_or_default();
        if text.len() > limits.test_bytes {
            return Err(fields.error(name, format!("is longer than {} bytes", limits.test_bytes)));
        }
        Ok(text)
    };
    let (setup_code, header) = (python("setup_code")?, python("header")?);
    let task = Task { prompt, entry_point, form, shown_tests: tests, setup_code, header, ..Task::default() };
    match egcfg_grade::doubtful(&task) {
        Some(doubt) if !allowed => {
            let text = format!("{doubt}; `allow_doubtful_tests` takes it as it is");
            Err(fields.error("tests", text))
        }
        _ => Ok(task),
    }
}
