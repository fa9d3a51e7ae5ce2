//! What a comparer's outcome says of a program, and tests that must run in the program's own process.

use std::time::Duration;

use egcfg_task::{TestResult, Verdict};

use crate::judge::asserts::Judging;
use crate::judge::failure::{Failure, exception, invalid, plain};
use crate::protocol::frame::Frame;
use crate::protocol::names::{answer, ask};
use crate::supervisor::clock::Watch;
use crate::text::one_line;

impl Judging<'_, '_> {
    /// The result that the comparer's outcome stands for.
    pub(super) async fn outcome(&mut self, frame: &Frame, source: &str, watch: &mut Watch) -> TestResult {
        let (exception, line, got) = (frame.text(1), frame.text(2), frame.text(3));
        let verdict = match frame.field(0) {
            b"passed" => Verdict::Passed,
            b"forged" => Verdict::Forged,
            b"program" => return self.beside(frame, source, watch).await,
            kind => failed(kind, &exception, &line),
        };
        if verdict == Verdict::Passed && !self.session.is_silent() {
            self.session.discard();
            return plain(
                Failure::new(Verdict::Forged, "the program answered what nobody asked"),
                Duration::ZERO,
            );
        }
        TestResult {
            verdict,
            seconds: 0.0,
            error: (!line.is_empty()).then(|| one_line(&line)),
            got: (!got.is_empty()).then(|| one_line(&got)),
            unproven: frame.field(4) == b"1",
            flaky: false,
        }
    }

    /// Runs a test in the program's process: it needs more of the program than its values, or has failed where not all of them
    /// came over exactly. In the second case its first failure stands if it fails here as well.
    async fn beside(&mut self, frame: &Frame, source: &str, watch: &mut Watch) -> TestResult {
        let (invocation, reaches) = (frame.text(2), frame.field(3) == b"1");
        let result = self.unproven(source, &invocation, reaches, watch).await;
        if result.verdict.passed() || frame.field(6).is_empty() {
            return result;
        }
        let (exception, line, got) = (frame.text(7), frame.text(8), frame.text(1));
        TestResult {
            verdict: failed(frame.field(6), &exception, &line),
            error: Some(one_line(&line)),
            got: (!got.is_empty()).then(|| one_line(&got)),
            unproven: frame.field(4) == b"1",
            ..result
        }
    }

    /// Runs a test in the program's process: one that has been asked nothing yet, and is asked nothing more.
    async fn unproven(
        &mut self,
        source: &str,
        invocation: &str,
        reaches: bool,
        watch: &mut Watch,
    ) -> TestResult {
        let invocation = if invocation.is_empty() { source } else { invocation };
        let stale = reaches || self.session.is_used() || !self.session.is_loaded();
        let loaded = if stale { self.reload(watch).await } else { Ok(()) };
        let answer = match loaded {
            Ok(()) => self.session.ask(ask::BESIDE, &[source.as_bytes(), invocation.as_bytes()], watch).await,
            Err(failure) => Err(failure),
        };
        let failure = match answer {
            Ok(frame) if frame.kind == answer::HELD => None,
            Ok(frame) if frame.kind == answer::FAILED && frame.text(1) == "setup" => {
                Some(invalid(&frame.text(2)))
            }
            Ok(frame) if frame.kind == answer::FAILED => {
                let text = frame.text(2);
                let text = if text.is_empty() { format!("{source} does not hold") } else { text };
                Some(Failure::new(Verdict::WrongAnswer, text))
            }
            Ok(frame) => Some(self.session.raised(&frame)),
            Err(failure) => Some(failure),
        };
        self.session.discard();
        let passed = Failure { verdict: Verdict::Passed, error: None };
        let mut result = plain(failure.unwrap_or(passed), Duration::ZERO);
        result.unproven = true;
        result
    }

    /// Loads the program into a new process.
    async fn reload(&mut self, watch: &mut Watch) -> Result<(), Failure> {
        self.session.discard();
        *watch = self.session.watch();
        match self.session.load_for_a_test().await {
            Ok(loaded) => loaded,
            Err(error) => Err(Failure::new(Verdict::SandboxUnavailable, error.to_string())),
        }
    }
}

/// The verdict on a test that failed in the comparer.
fn failed(kind: &[u8], exception: &str, line: &str) -> Verdict {
    match kind {
        b"wrong" => Verdict::WrongAnswer,
        b"assertion" => Verdict::AssertionFailed,
        b"memory" => Verdict::MemoryExceeded,
        b"exception" => {
            let message = line.strip_prefix(&format!("{exception}: ")).unwrap_or("");
            self::exception(exception, message).verdict
        }
        b"invalid" => Verdict::InvalidTest { message: one_line(line) },
        _ => Verdict::HarnessError,
    }
}
