//! Judging stdin/stdout tests: each runs in a fresh child, and what it printed is compared here. The program never sees what is
//! expected of it, so its output is all the evidence that is needed.

use std::time::Instant;

use egcfg_task::{Test, TestResult, Verdict};

use crate::error::SandboxError;
use crate::judge::asserts::{Judged, plain};
use crate::judge::session::{Failure, Session, invalid};
use crate::supervisor::pool::Lease;
use crate::text::{lines, one_line};

/// Judges every test of one program, in order.
pub(crate) async fn judge(
    lease: &Lease<'_>,
    session: &mut Session<'_>,
    tests: &[Test],
) -> Result<Vec<Judged>, SandboxError> {
    let mut results = Vec::with_capacity(tests.len());
    for test in tests {
        let mut judged = one(session, test).await?;
        if judged.0.verdict == Verdict::SandboxUnavailable {
            lease.clear();
            judged = one(session, test).await?;
        }
        results.push(judged);
    }
    Ok(results)
}

async fn one(session: &mut Session<'_>, test: &Test) -> Result<Judged, SandboxError> {
    let started = Instant::now();
    let mut result = match test {
        Test::Assert(_) => {
            plain(invalid("it is an assert, and the program reads standard input"), started.elapsed())
        }
        Test::Stdio { stdin, stdout } => {
            let loaded = session.load().await?;
            match loaded {
                Ok(()) => run(session, stdin, stdout).await,
                Err(failure) => plain(failure, started.elapsed()),
            }
        }
    };
    result.seconds = started.elapsed().as_secs_f64();
    let trace = session.take_trace();
    session.discard();
    Ok((result, trace))
}

async fn run(session: &mut Session<'_>, stdin: &str, expected: &str) -> TestResult {
    let mut watch = session.watch();
    match session.ask(b'I', &[stdin.as_bytes()], &mut watch).await {
        Ok(answer) if answer.kind == b'I' => {}
        Ok(answer) => {
            let text = format!("no room for the standard input: {}", answer.text(1));
            return plain(Failure::new(Verdict::SandboxUnavailable, text), watch.elapsed());
        }
        Err(failure) => return plain(failure, watch.elapsed()),
    }
    let answer = match session.ask(b'X', &[], &mut watch).await {
        Ok(answer) => answer,
        Err(failure) => return plain(failure, watch.elapsed()),
    };
    if answer.kind != b'D' {
        let failure = session.raised(&answer);
        return plain(failure, watch.elapsed());
    }
    let code = answer.text(1).parse().unwrap_or(0);
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
    let difference = difference(expected, &output);
    let verdict = if difference.is_none() { Verdict::Passed } else { Verdict::WrongAnswer };
    let got = Some(lines(&output, SHOWN));
    TestResult { verdict, seconds: 0.0, error: difference, got, unproven: false, flaky: false }
}

/// Characters of the output that a result keeps.
pub(crate) const SHOWN: usize = 2000;

/// The first line that differs, after trimming trailing white space of each line and of the whole.
pub(crate) fn difference(expected: &str, got: &str) -> Option<String> {
    let (mut left, mut right) = (expected.trim_end().lines(), got.trim_end().lines());
    for number in 1.. {
        let (expected, got) = match (left.next(), right.next()) {
            (None, None) => return None,
            pair => pair,
        };
        if expected.map(str::trim_end) != got.map(str::trim_end) {
            let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("{line:?}"));
            return Some(one_line(&format!("line {number}: expected {}, got {}", show(expected), show(got))));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn trailing_white_space_does_not_count() {
        assert_eq!(difference("1 \n2\n\n", "1\n2  "), None);
        assert_eq!(difference("", "\n \n"), None);
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(difference("1\n2", "1\n3").unwrap(), "line 2: expected \"2\", got \"3\"");
        assert_eq!(difference("1\n2", "1").unwrap(), "line 2: expected \"2\", got nothing");
        assert_eq!(difference(" 1", "1").unwrap(), "line 1: expected \" 1\", got \"1\"");
    }
}
