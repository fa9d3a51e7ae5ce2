//! Judges a batch.

use axum::response::Response;
use egcfg_grade::{Extent, Grade, Outcome, grade, trouble};
use egcfg_guidance::Executor;
use egcfg_python::extract_program;
use egcfg_task::{Form, Task};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::App;
use crate::compute::compute;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::reply::{json_response, tell};
use crate::rewards::answer::answer;
use crate::rewards::label;

/// How often a program is judged before the sandbox is taken for broken.
const TRIES: usize = 3;

/// A query with its tests.
struct Item {
    program: String,
    task: Task,
}

/// Answers with one reward for each query: 1 where the program passes all tests, else 0; with `fraction`, the share of the
/// tests that it passes.
pub(crate) async fn handle(
    app: App,
    fields: Fields,
    fraction: bool,
    place: Place,
) -> Result<Response, ApiError> {
    let Some(executor) = &app.0.parts.executor else {
        return Err(fields.error("labels", "this server has no sandbox to judge in"));
    };
    let slot = app.0.runs.work(place).await?;
    let own = app.clone();
    // A batch may hold thousands of answers to take apart.
    let (_slot, (items, ignored)) = compute(slot, move || read(&own, fields)).await?;
    let judging: Vec<BoxFuture<'_, Result<Grade, ApiError>>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| judged(&**executor, index, item, fraction).boxed())
        .collect();
    let grades: Vec<Grade> = stream::iter(judging).buffered(app.limits().runs.max(1)).try_collect().await?;
    let share = |grade: &Grade, tests: usize| grade.passed_tests as f64 / tests.max(1) as f64;
    let all: Vec<f64> = grades.iter().map(|grade| f64::from(u8::from(grade.passed()))).collect();
    let shares: Vec<f64> =
        grades.iter().zip(&items).map(|(grade, item)| share(grade, item.task.shown_tests.len())).collect();
    let rewards = if fraction { &shares } else { &all };
    let flag = |is: &dyn Fn(usize) -> bool| -> Vec<f64> {
        (0..items.len()).map(|at| f64::from(u8::from(is(at)))).collect()
    };
    let mut logs = json!({
        "passed": all,
        "empty": flag(&|at| items[at].program.trim().is_empty()),
        "invalid_tests": flag(&|at| grades[at].outcome == Outcome::Invalid),
        "seconds": grades.iter().map(|grade| grade.seconds).collect::<Vec<f64>>(),
    });
    if fraction {
        logs["fraction"] = json!(shares);
    }
    let reply = json!({ "rewards": rewards, "scores": rewards, "extra_logs": logs });
    Ok(tell(json_response(&reply)?, &ignored))
}

/// Judges one program, again where the sandbox failed.
async fn judged(
    executor: &dyn Executor,
    index: usize,
    item: &Item,
    fraction: bool,
) -> Result<Grade, ApiError> {
    let tests = &item.task.shown_tests;
    let extent = if fraction { Extent::Every } else { Extent::UntilSettled };
    let mut why = String::new();
    for _ in 0..TRIES {
        match grade(executor, &item.task, &item.program, tests, extent).await {
            Ok(results) => {
                let grade = Grade::of(tests, &results, None);
                // A share needs every test's own verdict; a failed one settles the rest.
                let broken = trouble(&results).filter(|_| fraction || grade.outcome == Outcome::Error);
                match broken {
                    None if grade.outcome != Outcome::Error => return Ok(grade),
                    broken => why = broken.unwrap_or_default(),
                }
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(ApiError::sandbox(format!("query[{index}]: the program was not judged: {why}")))
}

fn read(app: &App, mut fields: Fields) -> Result<(Vec<Item>, Vec<String>), ApiError> {
    let limits = app.limits();
    let given = fields.has("query");
    let queries = fields.texts("query", limits.batch)?;
    if queries.is_empty() {
        return Err(fields.error("query", if given { "is empty" } else { "is missing" }));
    }
    let prompts = fields.texts("prompts", limits.batch)?;
    if !prompts.is_empty() && prompts.len() != queries.len() {
        return Err(fields.error("prompts", "expected as many as there are queries"));
    }
    let labels: Vec<Value> = fields.list("labels", limits.batch)?.unwrap_or_default();
    if labels.len() != queries.len() {
        return Err(fields.error("labels", "expected as many as there are queries, each with tests"));
    }
    let mut items = Vec::with_capacity(queries.len());
    for (index, (query, label)) in queries.iter().zip(labels).enumerate() {
        let task = label::read(limits, &format!("labels[{index}]"), label)?;
        let answer = answer(query, prompts.get(index).map(String::as_str));
        // A program that reads standard input need not define anything.
        let wanted = (task.form == Form::Asserts).then_some(task.entry_point.as_str());
        let found = extract_program(answer, wanted);
        let whole = found.defines_entry_point || task.header.is_empty();
        let program = if whole { found.code } else { format!("{}{}", task.header, found.code) };
        items.push(Item { program, task });
    }
    Ok((items, fields.rest()))
}
