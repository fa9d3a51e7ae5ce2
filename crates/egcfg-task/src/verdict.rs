//! Every way in which running a program against a test can end. Only [`Verdict::Passed`] is success. Four verdicts say
//! nothing against the program: the test itself cannot run ([`Verdict::InvalidTest`]), the run was stopped before it was
//! decided ([`Verdict::Unfinished`]), and two that say that *we* failed and that another try may mend.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::trace::Trace;

/// The clock that ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Real time.
    Wall,
    /// Processor time.
    Cpu,
    /// Real time without using the processor.
    Idle,
}

/// What came of one program on one test.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Verdict {
    /// The test's own statement ran to its end in the clean interpreter.
    Passed,
    /// The program returned (or printed) something else than expected.
    WrongAnswer,
    /// The test's assert failed for another reason than a compared value.
    AssertionFailed,
    /// The program raised.
    Exception {
        /// The exception's class name.
        exception: String,
    },
    /// The program does not compile.
    SyntaxError,
    /// A time limit was reached.
    Timeout {
        /// Which one.
        clock: Clock,
    },
    /// The memory limit was reached.
    MemoryExceeded,
    /// The program wrote more than its output limit.
    OutputExceeded,
    /// The program tried to make more processes or threads than allowed.
    ProcessLimit,
    /// The program was ended by a signal.
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// The program ended its process before the test was over.
    ExitedEarly {
        /// The exit code.
        code: i32,
    },
    /// The program's process sent something that only a forger would send.
    Forged,
    /// The test itself cannot run, whatever the program is: it is no Python, or fails before it has asked anything of the
    /// program. No other try mends it, and no program is to blame.
    InvalidTest {
        /// What is wrong with the test.
        message: String,
    },
    /// Stopped before it was decided, by a limit shorter than the test's own: another test of the program had used up its
    /// whole limit of time, or the program was only observed and fails another test.
    Unfinished,
    /// No sandbox could be had: an infrastructure error.
    SandboxUnavailable,
    /// The harness itself failed: an infrastructure error.
    HarnessError,
}

impl Verdict {
    /// Whether the test passed.
    pub fn passed(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// Whether this says something about the program: it passed the test, or it failed it.
    pub fn is_scored(&self) -> bool {
        !self.is_infrastructure() && !matches!(self, Self::InvalidTest { .. } | Self::Unfinished)
    }

    /// Whether the program failed the test.
    pub fn failed(&self) -> bool {
        self.is_scored() && !self.passed()
    }

    /// Whether the sandbox or the harness failed: nothing is known of program or test, and another try may tell.
    pub fn is_infrastructure(&self) -> bool {
        matches!(self, Self::SandboxUnavailable | Self::HarnessError)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::WrongAnswer => f.write_str("wrong answer"),
            Self::AssertionFailed => f.write_str("assertion failed"),
            Self::Exception { exception } => write!(f, "exception ({exception})"),
            Self::SyntaxError => f.write_str("syntax error"),
            Self::Timeout { clock } => {
                let clock = match clock {
                    Clock::Wall => "wall",
                    Clock::Cpu => "cpu",
                    Clock::Idle => "idle",
                };
                write!(f, "timeout ({clock})")
            }
            Self::MemoryExceeded => f.write_str("memory exceeded"),
            Self::OutputExceeded => f.write_str("output exceeded"),
            Self::ProcessLimit => f.write_str("process limit"),
            Self::Killed { signal } => write!(f, "killed (signal {signal})"),
            Self::ExitedEarly { code } => write!(f, "exited early (code {code})"),
            Self::Forged => f.write_str("forged"),
            Self::InvalidTest { .. } => f.write_str("invalid test"),
            Self::Unfinished => f.write_str("unfinished"),
            Self::SandboxUnavailable => f.write_str("sandbox unavailable"),
            Self::HarnessError => f.write_str("harness error"),
        }
    }
}

/// One test's outcome for one program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// What came of it.
    pub verdict: Verdict,
    /// Wall time of the test in seconds, the comparison included.
    pub seconds: f64,
    /// A one-line explanation: the exception's message, the two unequal values, the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Python text (a bounded repr) of what the tested call returned, where the test has the shape of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// The verdict rests on the candidate's own process (the test needs an object of the program's own class).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// The same program on the same test came to another verdict when it was judged a second time. Only found out where a
    /// second judgement was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

impl TestResult {
    /// How many of these are passes.
    pub fn passes(results: &[Self]) -> usize {
        results.iter().filter(|result| result.verdict.passed()).count()
    }

    /// Every test passes, and there is one.
    pub fn all_pass(results: &[Self]) -> bool {
        !results.is_empty() && Self::passes(results) == results.len()
    }
}

/// What one traced run of a program on one test showed: the verdict, judged as always in a clean interpreter, and
/// the trace of the tested invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The judgement.
    pub result: TestResult,
    /// What happened; `None` when nothing ran (a syntax error, no sandbox).
    pub trace: Option<Trace>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each verdict stands for one of five things, and says so in the stored form that is read back.
    #[test]
    fn a_verdict_is_one_of_five_kinds_of_news() {
        let invalid = Verdict::InvalidTest { message: "line 1: invalid syntax".to_owned() };
        for (verdict, passed, failed, infrastructure, stored) in [
            (Verdict::Passed, true, false, false, r#"{"kind":"passed"}"#),
            (
                Verdict::Timeout { clock: Clock::Cpu },
                false,
                true,
                false,
                r#"{"kind":"timeout","clock":"cpu"}"#,
            ),
            (invalid, false, false, false, r#"{"kind":"invalid_test","message":"line 1: invalid syntax"}"#),
            (Verdict::Unfinished, false, false, false, r#"{"kind":"unfinished"}"#),
            (Verdict::HarnessError, false, false, true, r#"{"kind":"harness_error"}"#),
            (Verdict::SandboxUnavailable, false, false, true, r#"{"kind":"sandbox_unavailable"}"#),
        ] {
            assert_eq!(
                (verdict.passed(), verdict.failed(), verdict.is_infrastructure(), verdict.is_scored()),
                (passed, failed, infrastructure, passed || failed),
                "{verdict}"
            );
            assert_eq!(serde_json::to_string(&verdict).unwrap(), stored);
            assert_eq!(serde_json::from_str::<Verdict>(stored).unwrap(), verdict);
        }
    }
}
