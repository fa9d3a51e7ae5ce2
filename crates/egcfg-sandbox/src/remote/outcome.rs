//! What an outcome of the server's means as a verdict. The server has six words. Three of them stand for more than they
//! say, and what it sends along tells them apart: a text that cannot be compiled is the program's fault only if there is a
//! syntax error in it; a program that crashed left its reason on standard error; and a process that ended with a status
//! but without a word counts there as out of memory, also when it was the processor limit that ended it.

use egcfg_task::{Clock, Compare, TestResult, Verdict};
use serde::Deserialize;

use super::protocol::Answer;
use crate::judge::compare::difference;
use crate::judge::failure::{Failure, exception, plain};
use crate::judge::stdio::SHOWN;
use crate::text::lines;

/// How the wrapper says that a program ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Syntax(String),
    Exit(i32),
    Raised(String, String),
    Harness(String),
}

/// The result of one test; `cpu` is the processor limit in seconds. The server compares tokens. What is equal by that is
/// right; what is not may still be right by the test's own rule, which is tried on what the program printed.
pub(super) fn result(answer: &Answer, expected: &str, compare: Compare, cpu: u64) -> TestResult {
    let text = answer.result.as_deref().unwrap_or_default();
    let mut result = match answer.exec_outcome.as_deref() {
        Some("PASSED") => TestResult {
            verdict: Verdict::Passed,
            seconds: 0.0,
            error: None,
            got: Some(lines(text, SHOWN)),
            unproven: false,
            flaky: false,
        },
        Some("WRONG_ANSWER") => {
            let difference = difference(compare, expected, text);
            let right = difference.is_none() && answer.result.is_some();
            TestResult {
                verdict: if right { Verdict::Passed } else { Verdict::WrongAnswer },
                seconds: 0.0,
                error: difference,
                got: Some(lines(text, SHOWN)),
                unproven: false,
                flaky: false,
            }
        }
        other => plain(failure(other, answer, cpu), std::time::Duration::ZERO),
    };
    result.seconds = answer.time_consumed.filter(|time| time.is_finite() && *time > 0.0).unwrap_or(0.0);
    result
}

fn failure(outcome: Option<&str>, answer: &Answer, cpu: u64) -> Failure {
    let text = answer.result.as_deref().unwrap_or_default();
    match outcome {
        Some("TIME_LIMIT_EXCEEDED") => {
            Failure::new(Verdict::Timeout { clock: Clock::Wall }, "stopped by the server's time limit")
        }
        Some("IDLENESS_LIMIT_EXCEEDED") => Failure::new(
            Verdict::Timeout { clock: Clock::Idle },
            "stopped by the server while it did nothing",
        ),
        // The monitor there looks now and then: its last look may be a little before the limit.
        Some("MEMORY_LIMIT_EXCEEDED")
            if answer.time_consumed.is_some_and(|time| time >= 0.9 * cpu as f64) =>
        {
            Failure::new(
                Verdict::Timeout { clock: Clock::Cpu },
                format!("ended after {cpu} s of processor time"),
            )
        }
        Some("MEMORY_LIMIT_EXCEEDED") => {
            Failure::new(Verdict::MemoryExceeded, "the server's memory limit, or an end without a word")
        }
        Some("RUNTIME_ERROR") => crashed(text),
        Some("COMPILATION_ERROR") => not_compiled(text),
        Some(unknown) => {
            Failure::new(Verdict::HarnessError, format!("the server's outcome {unknown:?} is not known"))
        }
        None => Failure::new(Verdict::SandboxUnavailable, "the server did not run this test"),
    }
}

/// The verdict on a text that the server's Python did not compile.
pub(super) fn not_compiled(text: &str) -> Failure {
    // The wrapper compiles everywhere, so on a real server the reason is the server's: no compiler, no time, no language.
    let reason = text.trim().lines().last().unwrap_or("it does not say why");
    let named = ["SyntaxError", "IndentationError", "TabError"];
    if named.iter().any(|name| text.contains(name)) {
        Failure::new(Verdict::SyntaxError, reason)
    } else {
        Failure::new(Verdict::HarnessError, format!("the server could not compile: {reason}"))
    }
}

/// The verdict on a program that ended with an error. Nothing in its words can make it a pass.
fn crashed(text: &str) -> Failure {
    let report = text.lines().rev().find_map(|line| {
        line.strip_prefix("egcfg: ").and_then(|report| serde_json::from_str::<Report>(report).ok())
    });
    match report {
        Some(Report::Syntax(text)) => return Failure::new(Verdict::SyntaxError, text),
        Some(Report::Exit(code)) => {
            let text = format!("the program ended itself with exit code {code}");
            return Failure::new(Verdict::ExitedEarly { code }, text);
        }
        Some(Report::Raised(name, message)) => return exception(&name, &message),
        Some(Report::Harness(text)) => return Failure::new(Verdict::HarnessError, text),
        None => {}
    }
    // Its words for a signal: a number and a name.
    let signal = text
        .strip_prefix("Process exited with code ")
        .and_then(|rest| rest.split(',').next())
        .and_then(|number| number.trim().parse::<i32>().ok());
    if let Some(signal) = signal.filter(|signal| (1..=64).contains(signal)) {
        return Failure::new(Verdict::Killed { signal }, format!("ended by signal {signal}"));
    }
    // A traceback's last line.
    let last = text.trim().lines().last().unwrap_or_default();
    let (name, message) = last.split_once(": ").unwrap_or((last, ""));
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if is_name { exception(name, message) } else { exception("RuntimeError", last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: Option<&str>, result: &str, time: Option<f64>) -> Answer {
        Answer {
            input: String::new(),
            result: Some(result.to_owned()),
            exec_outcome: outcome.map(str::to_owned),
            time_consumed: time,
        }
    }

    fn verdict(outcome: Option<&str>, text: &str, time: Option<f64>) -> Verdict {
        result(&answer(outcome, text, time), "1", Compare::Exact, 5).verdict
    }

    #[test]
    fn every_outcome_has_its_verdict() {
        let exception = |name: &str| Verdict::Exception { exception: name.to_owned() };
        for (outcome, text, time, expected) in [
            ("PASSED", "1", None, Verdict::Passed),
            ("WRONG_ANSWER", "2", None, Verdict::WrongAnswer),
            ("TIME_LIMIT_EXCEEDED", "", None, Verdict::Timeout { clock: Clock::Wall }),
            ("IDLENESS_LIMIT_EXCEEDED", "", None, Verdict::Timeout { clock: Clock::Idle }),
            ("MEMORY_LIMIT_EXCEEDED", "MemoryError", Some(0.3), Verdict::MemoryExceeded),
            ("MEMORY_LIMIT_EXCEEDED", "", None, Verdict::MemoryExceeded),
            ("MEMORY_LIMIT_EXCEEDED", "", Some(4.98), Verdict::Timeout { clock: Clock::Cpu }),
            (
                "COMPILATION_ERROR",
                "  File \"test.py\", line 1\nSyntaxError: invalid syntax",
                None,
                Verdict::SyntaxError,
            ),
            ("COMPILATION_ERROR", "Command timed out after 60 seconds", None, Verdict::HarnessError),
            (
                "RUNTIME_ERROR",
                "\negcfg: {\"raised\": [\"KeyError\", \"'k'\"]}\n",
                None,
                exception("KeyError"),
            ),
            ("RUNTIME_ERROR", "egcfg: {\"raised\": [\"MemoryError\", \"\"]}", None, Verdict::MemoryExceeded),
            ("RUNTIME_ERROR", "egcfg: {\"exit\": 3}", None, Verdict::ExitedEarly { code: 3 }),
            ("RUNTIME_ERROR", "egcfg: {\"syntax\": \"line 1: invalid syntax\"}", None, Verdict::SyntaxError),
            ("RUNTIME_ERROR", "egcfg: {\"harness\": \"Python 2.7\"}", None, Verdict::HarnessError),
            ("RUNTIME_ERROR", "egcfg: {\"passed\": 1}", None, exception("egcfg")),
            ("RUNTIME_ERROR", "Traceback\nValueError: no: thing", None, exception("ValueError")),
            ("RUNTIME_ERROR", "", None, exception("RuntimeError")),
            (
                "RUNTIME_ERROR",
                "Process exited with code 11, Segmentation fault stderr: x",
                None,
                Verdict::Killed { signal: 11 },
            ),
            ("NEW_OUTCOME", "", None, Verdict::HarnessError),
        ] {
            assert_eq!(verdict(Some(outcome), text, time), expected, "{outcome}: {text}");
        }
        assert_eq!(verdict(None, "", None), Verdict::SandboxUnavailable);
    }

    #[test]
    fn what_the_server_calls_wrong_may_be_right_by_the_tests_rule() {
        let of = |expected, got, compare| {
            result(&answer(Some("WRONG_ANSWER"), got, None), expected, compare, 5).verdict
        };
        assert_eq!(of("YES", "Yes", Compare::Codecontests), Verdict::Passed);
        assert_eq!(of("0.3333333", "0.333333", Compare::Codecontests), Verdict::Passed);
        assert_eq!(of("YES", "Yes", Compare::Exact), Verdict::WrongAnswer);
        assert_eq!(of("1", "2", Compare::Codecontests), Verdict::WrongAnswer);
    }
}
