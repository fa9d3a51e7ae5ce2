//! Judging stdin/stdout tests: each runs in a fresh child, and what it printed is compared here. The program never sees what is
//! expected of it, so its output is all the evidence that is needed.

use std::time::{Duration, Instant};

use egcfg_task::{Compare, Test, TestResult, Verdict};

use crate::error::SandboxError;
use crate::judge::compare::difference;
use crate::judge::failure::{Failure, Judged, invalid, plain};
use crate::judge::session::Session;
use crate::protocol::names::{answer, ask};
use crate::supervisor::pool::Lease;
use crate::text::lines;

/// Judges every test of one program, in order.
pub(crate) async fn judge(
    lease: &Lease<'_>,
    session: &mut Session<'_>,
    tests: &[Test],
) -> Result<Vec<Judged>, SandboxError> {
    let mut results = Vec::with_capacity(tests.len());
    // The program cannot be loaded, which has nothing to do with any test: the verdict on each.
    let mut whole = None;
    for test in tests {
        if let Some(failure) = whole.clone().or_else(|| session.pace.over()) {
            results.push((plain(failure, Duration::ZERO), Vec::new()));
            continue;
        }
        let mut judged = one(session, test, &mut whole).await?;
        if judged.0.verdict == Verdict::SandboxUnavailable {
            lease.clear();
            whole = None;
            judged = one(session, test, &mut whole).await?;
        }
        session.pace.note(&judged.0.verdict);
        results.push(judged);
    }
    Ok(results)
}

async fn one(
    session: &mut Session<'_>,
    test: &Test,
    whole: &mut Option<Failure>,
) -> Result<Judged, SandboxError> {
    let started = Instant::now();
    let mut result = match test {
        Test::Assert(_) => {
            plain(invalid("it is an assert, and the program reads standard input"), started.elapsed())
        }
        Test::Stdio { stdin, stdout, compare } => {
            let loaded = session.load().await?;
            match loaded {
                Ok(()) => run(session, stdin, stdout, *compare).await,
                Err(failure) => plain(whole.insert(failure).clone(), started.elapsed()),
            }
        }
    };
    result.seconds = started.elapsed().as_secs_f64();
    let trace = session.take_trace();
    session.discard();
    Ok((result, trace))
}

async fn run(session: &mut Session<'_>, stdin: &str, expected: &str, compare: Compare) -> TestResult {
    let mut watch = session.watch();
    match session.ask(ask::STDIN, &[stdin.as_bytes()], &mut watch).await {
        Ok(answer) if answer.kind == answer::STDIN => {}
        Ok(answer) => {
            let text = format!("no room for the standard input: {}", answer.text(1));
            return plain(Failure::new(Verdict::SandboxUnavailable, text), watch.elapsed());
        }
        Err(failure) => return plain(failure, watch.elapsed()),
    }
    let code = match session.run_script(&mut watch, false).await {
        Ok(code) => code,
        Err(failure) => return plain(failure, watch.elapsed()),
    };
    if code != 0 {
        let text = format!("the program ended itself with exit code {code}");
        return plain(Failure::new(Verdict::ExitedEarly { code }, text), watch.elapsed());
    }
    let Some(child) = session.child() else {
        return plain(Failure::new(Verdict::HarnessError, "the output is lost"), watch.elapsed());
    };
    let output = child.out.so_far().await;
    if child.out.is_exceeded() || child.err.is_exceeded() {
        return plain(
            Failure::new(Verdict::OutputExceeded, "wrote more than the output limit"),
            watch.elapsed(),
        );
    }
    let output = String::from_utf8_lossy(&output);
    let difference = difference(compare, expected, &output);
    let verdict = if difference.is_none() { Verdict::Passed } else { Verdict::WrongAnswer };
    let got = Some(lines(&output, SHOWN));
    TestResult { verdict, seconds: 0.0, error: difference, got, unproven: false, flaky: false }
}

/// Characters of the output that a result keeps.
pub(crate) const SHOWN: usize = 2000;
