//! What came of a guided request, as a choice of the reply. A program that fails tests is told in a standard field too: a
//! conversation's answer has a `refusal` that names them, a completion ends with `content_filter`, the one reason that
//! every client knows and that says: not what was asked for.

use egcfg_grade::{Outcome, trouble};
use egcfg_guidance::{Attempt, Solution, Stop};
use egcfg_task::Test;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::guided::asked::{Asked, Form};

/// The choice, and what is special about it.
pub(crate) fn choice(asked: &Asked, solution: &Solution, chunk: bool) -> Result<(Value, Value), ApiError> {
    let best = solution.best().ok_or_else(|| ApiError::sandbox("no attempt was made"))?;
    if Outcome::of(&best.results, asked.task.shown_tests.len()) == Outcome::Error {
        let why = trouble(&best.results).unwrap_or_default();
        return Err(ApiError::sandbox(format!("the program was not judged: {why}")));
    }
    let tests: Vec<Value> = asked
        .task
        .shown_tests
        .iter()
        .zip(&best.results)
        .map(|(test, result)| {
            json!({
                "test": test,
                "passed": result.verdict.passed(),
                "verdict": result.verdict,
                "said": result.verdict.to_string(),
                "error": result.error,
                "got": result.got,
                "seconds": result.seconds,
                "unproven": result.unproven,
            })
        })
        .collect();
    let attempts: Vec<Value> = solution
        .attempts
        .iter()
        .map(|attempt| {
            json!({
                "gamma": attempt.gamma, "retry": attempt.retry,
                "passes": attempt.passes(), "stop": attempt.generation.stop,
            })
        })
        .collect();
    let own = json!({
        "passed": best.passed(),
        "method": asked.method,
        "passes": best.passes(),
        "tests": tests,
        "gamma": best.gamma,
        "retry": best.retry,
        "config": asked.settings.config.to_string(),
        "seed": asked.settings.seed,
        "entry_point": asked.task.entry_point,
        "guidance_began": best.generation.began,
        "stop": best.generation.stop,
        "attempts": attempts,
        "stats": solution.stats(),
        "ignored": asked.ignored,
    });
    let text = &best.generation.program;
    let refusal = refusal(asked, best);
    let finish = match best.generation.stop {
        // Also where the tokens ran out: a completion has no other standard field, and `egcfg.stop` tells why it ended.
        _ if refusal.is_some() && asked.form == Form::Completion => "content_filter",
        Stop::Length => "length",
        _ => "stop",
    };
    let mut choice = match (asked.form, chunk) {
        (Form::Completion, _) => json!({ "index": 0, "text": text, "logprobs": null }),
        (Form::Chat, true) => json!({ "index": 0, "delta": { "content": text, "refusal": refusal } }),
        (Form::Chat, false) => {
            let message = json!({ "role": "assistant", "content": text, "refusal": refusal });
            json!({ "index": 0, "message": message, "logprobs": null })
        }
    };
    choice["finish_reason"] = json!(finish);
    choice["egcfg"] = own.clone();
    Ok((choice, own))
}

/// Which tests the program fails, as a sentence; nothing where it passes all.
fn refusal(asked: &Asked, best: &Attempt) -> Option<String> {
    let tests = asked.task.shown_tests.iter().zip(&best.results);
    let failed: Vec<String> = tests
        .filter(|(_, result)| !result.verdict.passed())
        .map(|(test, result)| {
            let test = match test {
                Test::Assert(source) => source.clone(),
                Test::Stdio { stdin, .. } => format!("standard input {stdin:?}"),
            };
            let mut line = test.lines().next().unwrap_or_default().to_owned();
            if let Some((at, _)) = line.char_indices().nth(TOLD) {
                line.truncate(at);
                line.push_str("...");
            }
            format!("{line}: {}", result.verdict)
        })
        .collect();
    let all = asked.task.shown_tests.len();
    (!failed.is_empty())
        .then(|| format!("the program fails {} of {all} tests: {}", failed.len(), failed.join("; ")))
}

/// Characters of a test that are told.
const TOLD: usize = 200;
