//! Running a program by itself: no test, only what it reads, what it writes and how it ends.

use std::time::{Duration, Instant};

use egcfg_task::{Clock, Verdict};

use crate::error::SandboxError;
use crate::judge::failure::Failure;
use crate::judge::session::Session;
use crate::protocol::names::{answer, ask};
use crate::supervisor::pool::Lease;

/// On a busy machine a program may take so much longer than its limit of real time, and no longer.
const GRACE: Duration = Duration::from_secs(5);

/// What a program did that ran by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// How it ended; passed means: with exit code 0.
    pub verdict: Verdict,
    /// One line that explains it, where it did not end so.
    pub error: Option<String>,
    /// What it wrote to its standard output, up to the limit of that and to where it was stopped.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
    /// Wall time in seconds.
    pub seconds: f64,
}

/// Runs the session's program on a standard input, for at most so long.
pub(crate) async fn run(
    lease: &Lease<'_>,
    session: &mut Session<'_>,
    stdin: &str,
    time: Duration,
) -> Result<Ran, SandboxError> {
    let ran = once(session, stdin, time).await?;
    if ran.verdict != Verdict::SandboxUnavailable {
        return Ok(ran);
    }
    lease.clear();
    once(session, stdin, time).await
}

async fn once(session: &mut Session<'_>, stdin: &str, time: Duration) -> Result<Ran, SandboxError> {
    let started = Instant::now();
    let ended = match session.load().await? {
        Ok(()) => execute(session, stdin, time).await,
        Err(failure) => Err(failure),
    };
    let seconds = started.elapsed().as_secs_f64();
    let written = session.output().await;
    session.discard();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&written.stdout), text(&written.stderr));
    let (verdict, error) = match ended {
        _ if written.exceeded => {
            (Verdict::OutputExceeded, Some("wrote more than the output limit".to_owned()))
        }
        Ok(0) => (Verdict::Passed, None),
        Ok(code) => (Verdict::ExitedEarly { code }, None),
        Err(failure) => (failure.verdict, failure.error),
    };
    Ok(Ran { verdict, error, stdout, stderr, seconds })
}

/// Its exit code.
async fn execute(session: &mut Session<'_>, stdin: &str, time: Duration) -> Result<i32, Failure> {
    let mut watch = session.watch_within(time);
    let answer = session.ask(ask::STDIN, &[stdin.as_bytes()], &mut watch).await?;
    if answer.kind != answer::STDIN {
        let text = format!("no room for the standard input: {}", answer.text(1));
        return Err(Failure::new(Verdict::SandboxUnavailable, text));
    }
    let running = session.run_script(&mut watch, true);
    match tokio::time::timeout(time + GRACE.min(time), running).await {
        Ok(Err(Failure { verdict: Verdict::Timeout { clock }, .. })) => Err(stopped(clock, time)),
        // The script's own end, whenever it comes.
        Ok(Err(Failure { verdict: Verdict::ExitedEarly { code }, .. })) => Ok(code),
        Ok(ended) => ended,
        Err(_) => Err(stopped(Clock::Wall, time)),
    }
}

fn stopped(clock: Clock, time: Duration) -> Failure {
    let text = format!("stopped at its limit of time, {} s at most", time.as_secs_f64());
    Failure::new(Verdict::Timeout { clock }, text)
}
