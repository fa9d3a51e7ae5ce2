//! Why there is no answer, as a verdict on the program or on its test, with its one line.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use egcfg_task::{Clock, TestResult, Verdict};

use crate::limits::Limits;
use crate::supervisor::bundle::CPU_BACKSTOP;
use crate::supervisor::child::Ended;
use crate::supervisor::zygote::Exit;
use crate::text::one_line;

/// A judged test: the result, and the bytes of its trace where the session traces.
pub(crate) type Judged = (TestResult, Vec<u8>);

/// See the module's paragraph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// Its explanation.
    pub(crate) error: Option<String>,
}

impl Failure {
    pub(crate) fn new(verdict: Verdict, error: impl Into<String>) -> Self {
        Self { verdict, error: Some(one_line(&error.into())) }
    }
}

/// A result that holds a failure only.
pub(crate) fn plain(failure: Failure, taken: Duration) -> TestResult {
    TestResult {
        verdict: failure.verdict,
        seconds: taken.as_secs_f64(),
        error: failure.error,
        got: None,
        unproven: false,
        flaky: false,
    }
}

/// The verdict on a test that no program can pass or fail.
pub(crate) fn invalid(message: &str) -> Failure {
    Failure::new(Verdict::InvalidTest { message: message.to_owned() }, message)
}

/// The verdict on an exception that the program let through.
pub(crate) fn exception(name: &str, message: &str) -> Failure {
    let text = if message.is_empty() { name.to_owned() } else { format!("{name}: {message}") };
    let verdict = match name {
        "MemoryError" => Verdict::MemoryExceeded,
        // The two ways in which Python reports that no thread or process could be made.
        "RuntimeError" if message.contains("can't start new thread") => Verdict::ProcessLimit,
        "BlockingIOError" if message.starts_with("[Errno 11]") => Verdict::ProcessLimit,
        _ => Verdict::Exception { exception: one_line(name) },
    };
    Failure::new(verdict, text)
}

/// The verdict on a program whose process has ended.
pub(crate) fn exited(exit: &Exit, limits: &Limits) -> Failure {
    let status = ExitStatus::from_raw(exit.status);
    let backstop = limits.cpu.as_secs_f64() * CPU_BACKSTOP as f64;
    match (status.code(), status.signal()) {
        (_, Some(signal)) if signal == libc::SIGXCPU || (signal == libc::SIGKILL && exit.cpu >= backstop) => {
            Failure::new(Verdict::Timeout { clock: Clock::Cpu }, "the processor limit of its process")
        }
        (_, Some(signal)) => {
            let text = format!("ended by signal {signal} with {:.0} MB in use", exit.peak / 1e6);
            Failure::new(Verdict::Killed { signal }, text)
        }
        (code, None) => {
            let code = code.unwrap_or(-1);
            let text = format!("the program ended its process with exit code {code}");
            Failure::new(Verdict::ExitedEarly { code }, text)
        }
    }
}

/// The comparer runs tests only: what ends it is the test's doing or ours, unless the value it compares is too large, or such
/// that the interpreter itself breaks on it. A program must not turn a wrong answer into a failure of the harness.
pub(crate) fn comparer_ended(ended: &Ended) -> Failure {
    match ended {
        Ended::Timeout(clock) => Failure::new(
            Verdict::Timeout { clock: *clock },
            "the test did not end, though the program's calls did",
        ),
        Ended::Output | Ended::Disk => {
            Failure::new(Verdict::HarnessError, "the test wrote more than its limit")
        }
        Ended::Memory => {
            Failure::new(Verdict::MemoryExceeded, "the returned value does not fit into the judge's memory")
        }
        Ended::Processes => Failure::new(Verdict::HarnessError, "the test made more threads than it may"),
        Ended::Forged(error) => Failure::new(Verdict::HarnessError, format!("the test's process: {error}")),
        Ended::Exited(None) => {
            Failure::new(Verdict::SandboxUnavailable, "the warm interpreter ended during the test")
        }
        Ended::Exited(Some(exit)) => match ExitStatus::from_raw(exit.status).signal() {
            Some(libc::SIGXCPU) => Failure::new(
                Verdict::Timeout { clock: Clock::Cpu },
                "comparing what the program returned took all of the processor time",
            ),
            Some(signal @ (libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGABRT)) => {
                Failure::new(
                    Verdict::Killed { signal },
                    format!(
                        "the interpreter that compared what the program returned was ended by signal {signal}"
                    ),
                )
            }
            _ => Failure::new(
                Verdict::HarnessError,
                format!("the test ended its own process (status {})", exit.status),
            ),
        },
    }
}
