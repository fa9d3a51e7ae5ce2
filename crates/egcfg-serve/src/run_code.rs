//! `/run_code`, in the form of ByteDance's SandboxFusion, as verl's client calls it for rewards: a program and a standard
//! input, and back come how it ended and what it wrote. A sandbox that failed is a status of its own (`SandboxError`), never
//! a failed program.

use std::time::Duration;

use axum::response::Response;
use egcfg_sandbox::Ran;
use egcfg_task::Verdict;
use serde_json::{Value, json};

use crate::admission::Place;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::reply::{json_response, tell};
use crate::scripts::Script;

/// Seconds that a program may run where the request does not say: SandboxFusion's default.
const TIME: f64 = 10.0;

/// Runs a program.
pub(crate) async fn handle(app: App, fields: Fields, place: Place) -> Result<Response, ApiError> {
    let Some(scripts) = &app.0.parts.scripts else {
        return Err(fields.error("code", "this server has no sandbox to run it in"));
    };
    let (script, ignored) = read(&app, fields)?;
    let _slot = app.0.runs.work(place).await?;
    let mut ran = scripts.run(&script).await;
    if !ran.as_ref().is_ok_and(|ran| !ran.verdict.is_infrastructure()) {
        // Another try may tell.
        ran = scripts.run(&script).await;
    }
    let reply = match ran {
        Ok(ran) => {
            app.0.metrics.ran(&ran.verdict);
            told(&ran)
        }
        Err(error) => failed(&error.to_string()),
    };
    Ok(tell(json_response(&reply)?, &ignored))
}

fn read(app: &App, mut fields: Fields) -> Result<(Script, Vec<String>), ApiError> {
    match fields.text("language")?.as_deref() {
        Some("python") => {}
        None => return Err(fields.error("language", "is missing")),
        Some(other) => {
            let message = format!("'{other}' is not supported by this server, only 'python' is");
            return Err(fields.error("language", message).code("unsupported_parameter"));
        }
    }
    for (field, neutral) in
        [("files", json!({})), ("fetch_files", json!([])), ("args", json!([])), ("extra_args", json!([]))]
    {
        fields.refuse(field, &[neutral])?;
    }
    let source = fields.text("code")?.ok_or_else(|| fields.error("code", "is missing"))?;
    let stdin = fields.text("stdin")?.unwrap_or_default();
    let most = app.limits().time.as_secs_f64();
    let seconds = fields.number("run_timeout", 0.0, most)?.unwrap_or(TIME);
    if seconds == 0.0 {
        return Err(fields.error("run_timeout", "must be above 0"));
    }
    // Nothing is compiled, and the sandbox's own limit of memory holds for all.
    fields.number("compile_timeout", 0.0, f64::MAX)?;
    fields.number("memory_limit_MB", -1.0, f64::MAX)?;
    let script = Script { source, stdin, time: Duration::from_secs_f64(seconds) };
    Ok((script, fields.rest()))
}

/// What came of a program.
fn told(ran: &Ran) -> Value {
    let finished = |code: i32, more: &str| ("Finished", Some(code), more.to_owned());
    let why = ran.error.as_deref().unwrap_or_default();
    let (status, code, more) = match &ran.verdict {
        Verdict::SandboxUnavailable | Verdict::HarnessError => return failed(why),
        Verdict::Passed => finished(0, ""),
        Verdict::Timeout { .. } | Verdict::Unfinished => ("TimeLimitExceeded", None, why.to_owned()),
        Verdict::ExitedEarly { code } => finished(*code, ""),
        // As Python's own `subprocess` counts signals.
        Verdict::Killed { signal } => finished(-signal, why),
        Verdict::SyntaxError => finished(1, &format!("SyntaxError: {why}")),
        _ => finished(1, why),
    };
    let mut stderr = ran.stderr.clone();
    // A traceback ends with the exception: it stands there already, unless the program kept it from being shown.
    let raised = matches!(ran.verdict, Verdict::Exception { .. } | Verdict::MemoryExceeded);
    let shown = raised && stderr.contains("Traceback (most recent call last):\n");
    if !more.is_empty() && !shown {
        if !stderr.is_empty() && !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        stderr.push_str(&more);
        stderr.push('\n');
    }
    json!({
        "status": if code == Some(0) { "Success" } else { "Failed" },
        "message": "",
        "compile_result": null,
        "run_result": {
            "status": status,
            "execution_time": ran.seconds,
            "return_code": code,
            "stdout": ran.stdout,
            "stderr": stderr,
        },
        "executor_pod_name": null,
        "files": {},
    })
}

/// The sandbox failed.
fn failed(why: &str) -> Value {
    json!({
        "status": "SandboxError",
        "message": format!("the program was not run: {why}"),
        "compile_result": null,
        "run_result": null,
        "executor_pod_name": null,
        "files": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_form() {
        let ran = |verdict| Ran {
            verdict,
            stdout: "out".into(),
            stderr: "err".into(),
            error: Some("why".into()),
            seconds: 0.5,
        };
        for (verdict, status, run, code) in [
            (Verdict::Passed, "Success", "Finished", json!(0)),
            (Verdict::ExitedEarly { code: 3 }, "Failed", "Finished", json!(3)),
            (Verdict::Exception { exception: "E".into() }, "Failed", "Finished", json!(1)),
            (Verdict::SyntaxError, "Failed", "Finished", json!(1)),
            (Verdict::Killed { signal: 11 }, "Failed", "Finished", json!(-11)),
            (Verdict::MemoryExceeded, "Failed", "Finished", json!(1)),
            (Verdict::Timeout { clock: egcfg_task::Clock::Wall }, "Failed", "TimeLimitExceeded", Value::Null),
        ] {
            let told = told(&ran(verdict.clone()));
            assert_eq!(
                (&told["status"], &told["run_result"]["status"]),
                (&json!(status), &json!(run)),
                "{verdict}"
            );
            assert_eq!(told["run_result"]["return_code"], code, "{verdict}");
            assert_eq!(told["run_result"]["stdout"], "out");
        }
        // A traceback is the program's own account of its end: the error is not told again below it.
        for verdict in [Verdict::MemoryExceeded, Verdict::Exception { exception: "E".into() }] {
            let stderr = "Traceback (most recent call last):\n  ...\nE: why\n";
            let told = told(&Ran { stderr: stderr.into(), ..ran(verdict) });
            assert_eq!(told["run_result"]["stderr"], stderr);
        }
        for verdict in [Verdict::SandboxUnavailable, Verdict::HarnessError] {
            let told = told(&ran(verdict));
            assert_eq!((&told["status"], &told["run_result"]), (&json!("SandboxError"), &Value::Null));
        }
    }
}
