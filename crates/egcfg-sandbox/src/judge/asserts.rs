//! Judging assert tests. The test runs in a comparer process; each call that it makes of the program is carried to the
//! program's process, whose answer is checked and carried back. Whatever the program's process does instead of answering
//! settles the test; the comparer then only learns that it is over.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use egcfg_task::{Clock, Test, TestResult, Verdict};

use crate::error::SandboxError;
use crate::judge::failure::{Failure, Judged, exception, invalid, plain};
use crate::judge::session::Session;
use crate::protocol::frame::Frame;
use crate::protocol::value;
use crate::supervisor::child::{Child, Ended};
use crate::supervisor::clock::Watch;
use crate::supervisor::pool::Lease;
use crate::supervisor::zygote::Role;
use crate::text::one_line;

/// Judges every test of one program, in order.
pub(crate) async fn judge(
    lease: &Lease<'_>,
    session: &mut Session<'_>,
    tests: &[Test],
) -> Result<Vec<Judged>, SandboxError> {
    let mut judging =
        Judging { lease, session, tests, comparer: None, told: 0, unread: 0, clean: true, whole: None };
    let mut results = Vec::with_capacity(tests.len());
    for index in 0..tests.len() {
        if let Some(failure) = judging.session.pace.over() {
            // What the comparer has been told of it is never asked for.
            judging.clean = false;
            results.push((plain(failure, Duration::ZERO), Vec::new()));
            continue;
        }
        let mut judged = judging.test(index).await?;
        if judged.0.verdict == Verdict::SandboxUnavailable {
            // The warm interpreter died under it, which says nothing about the program: once more, on a new one.
            lease.clear();
            judging.session.discard();
            judging.comparer = None;
            judging.whole = None;
            judged = judging.test(index).await?;
        }
        judging.session.pace.note(&judged.0.verdict);
        results.push(judged);
    }
    judging.part(results.iter().map(|(result, _)| result.seconds).sum());
    Ok(results)
}

/// Programs that took less real time than this can have cost their comparer no processor time that would count.
const SHORT: f64 = 0.02;

struct Judging<'a, 'b> {
    lease: &'a Lease<'a>,
    session: &'a mut Session<'b>,
    tests: &'a [Test],
    comparer: Option<Child>,
    /// The comparer has been told of the tests before this one.
    told: usize,
    /// Tests of which it has been told and has not said the outcome.
    unread: usize,
    /// Its tests so far have left nothing behind.
    clean: bool,
    /// The program cannot be loaded: the verdict on every test.
    whole: Option<(Failure, Duration)>,
}

/// How a test ended before its comparer said so.
enum Settled {
    Failure(Failure),
    /// The comparer is of no further use.
    Broken(Failure),
}

/// The comparer is told of this many tests ahead, as long as they fit into a socket's buffer: then it can go on to the
/// next test while the outcome of the last one is on its way.
const AHEAD: usize = 16;
const AHEAD_BYTES: usize = 32 << 10;

impl Judging<'_, '_> {
    async fn test(&mut self, index: usize) -> Result<Judged, SandboxError> {
        let started = Instant::now();
        let Test::Assert(source) = &self.tests[index] else {
            let failure = invalid("it feeds standard input to a program whose tests are asserts");
            return Ok((plain(failure, started.elapsed()), Vec::new()));
        };
        if let Some((failure, taken)) = &self.whole {
            return Ok((plain(failure.clone(), *taken), Vec::new()));
        }
        // The comparer reads the tests while the program loads.
        let mut out = self.meet_comparer(index).await?;
        self.session.retire_when_spent();
        if !self.session.is_loaded() {
            if let Some(comparer) = &mut self.comparer {
                // Nothing reads a comparer's socket while this is written, so it is not for much.
                let sent = comparer.post(&out);
                out.drain(..sent);
            }
            if let Err(failure) = self.session.load().await? {
                self.session.discard();
                self.comparer = None;
                self.whole = Some((failure.clone(), started.elapsed()));
                let trace = self.session.take_trace();
                return Ok((plain(failure, started.elapsed()), trace));
            }
        }
        let mut watch = self.session.watch();
        let mut result = match self.relay(out, &mut watch).await {
            Ok(frame) => self.outcome(&frame, source, &mut watch).await,
            Err(Settled::Failure(failure)) => plain(failure, Duration::ZERO),
            Err(Settled::Broken(failure)) => {
                self.comparer = None;
                plain(failure, Duration::ZERO)
            }
        };
        if result.verdict == Verdict::MemoryExceeded {
            self.session.discard();
        }
        result.seconds = started.elapsed().as_secs_f64();
        let trace = self.session.take_trace();
        Ok((result, trace))
    }

    /// What the comparer has to be told before it can report on a test; a new comparer hears about the program first.
    async fn meet_comparer(&mut self, index: usize) -> Result<Vec<u8>, SandboxError> {
        let mut out = Vec::new();
        if self.comparer.is_none() {
            self.comparer = Some(self.lease.child(Role::Comparer).await?);
            (self.told, self.unread, self.clean) = (index, 0, true);
            let program = self.session.program();
            let traced: &[u8] = if self.session.is_traced() { b"1" } else { b"" };
            let fields: [&[u8]; 3] = [program.entry_point.as_bytes(), program.setup_code.as_bytes(), traced];
            out = Frame::encode(b'B', &fields);
        }
        while let Some(Test::Assert(source)) = self.tests.get(self.told) {
            let ahead = self.told - index.min(self.told);
            if self.told > index && (ahead >= AHEAD || out.len() + source.len() > AHEAD_BYTES) {
                break;
            }
            out.extend(Frame::encode(b'J', &[source.as_bytes()]));
            self.told += 1;
            self.unread += 1;
        }
        // A test of another form is not the comparer's business.
        if self.told <= index {
            self.told = index + 1;
        }
        Ok(out)
    }

    /// Lets the comparer serve another program where nothing of this one can be left in it: it has answered everything,
    /// and says itself, which no line of a program's could make it say, that its tests were of the kind that leaves nothing.
    ///
    /// A comparer has processor time for so much and no more: what one program's values cost must not fall to the next.
    fn part(&mut self, seconds: f64) {
        let limit = self.lease.limits().cpu / 2;
        let fresh =
            |comparer: &Child| seconds < SHORT || comparer.reading().is_some_and(|now| now.cpu() < limit);
        if let Some(comparer) = self.comparer.take()
            && self.clean
            && self.unread == 0
            && fresh(&comparer)
        {
            self.lease.give_back(comparer);
        }
    }

    /// Sends the comparer `out` and carries its calls to the program until it reports the outcome of a test.
    async fn relay(&mut self, mut out: Vec<u8>, watch: &mut Watch) -> Result<Frame, Settled> {
        let wall = self.lease.limits().wall;
        let mut settled = None;
        loop {
            let Some(comparer) = &mut self.comparer else {
                return Err(Settled::Broken(Failure::new(Verdict::HarnessError, "no comparer")));
            };
            let mut clock = Watch::wall_only(wall);
            // The program's threads do not wait while its answer is compared, nor do its limits.
            let exchanged = {
                let mut exchange = std::pin::pin!(comparer.exchange(&out, &mut clock));
                tokio::select! {
                    biased;
                    exchanged = &mut exchange => exchanged,
                    failure = self.session.overrun(), if settled.is_none() => {
                        settled = Some(failure);
                        exchange.await
                    }
                }
            };
            let frame = match exchanged {
                Ok(frame) if frame.kind == b'O' => {
                    self.unread = self.unread.saturating_sub(1);
                    self.clean &= frame.field(5) == b"1";
                    return match settled {
                        Some(failure) => Err(Settled::Failure(failure)),
                        None => Ok(frame),
                    };
                }
                Ok(frame) => frame,
                Err(ended) => return Err(Settled::Broken(settled.unwrap_or_else(|| comparer_ended(&ended)))),
            };
            out = if settled.is_some() {
                Frame::encode(b'K', &[])
            } else {
                match self.carry(&frame, watch).await {
                    Ok(answer) => answer,
                    Err(failure) => {
                        settled = Some(failure);
                        Frame::encode(b'K', &[])
                    }
                }
            };
        }
    }

    /// Carries one request of the comparer's to the program; returns the frame that answers it.
    async fn carry(&mut self, frame: &Frame, watch: &mut Watch) -> Result<Vec<u8>, Failure> {
        let fields: Vec<&[u8]> = frame.fields.iter().map(Vec::as_slice).collect();
        match frame.kind {
            b'L' => Ok(Frame::encode(b'L', &[self.session.entry.as_bytes()])),
            b'N' => {
                let answer = self.session.ask(b'N', &fields, watch).await?;
                if answer.kind != b'N' {
                    return Err(self.session.raised(&answer));
                }
                Ok(Frame::encode(b'N', &[answer.field(1)]))
            }
            b'C' => {
                let known = value::check(frame.field(3), &[]).map_err(|error| {
                    Failure::new(Verdict::HarnessError, format!("the test's arguments: {error}"))
                })?;
                let answer = self.session.ask(b'C', &fields, watch).await?;
                let (kind, payload) = match answer.kind {
                    b'V' => (b'V', 1),
                    b'E' if answer.fields.len() > 4 => (b'E', 4),
                    _ => return Err(self.session.raised(&answer)),
                };
                if let Err(error) = value::check(answer.field(payload), &known) {
                    self.session.discard();
                    return Err(Failure::new(Verdict::Forged, format!("the program's process sent {error}")));
                }
                let fields: Vec<&[u8]> = answer.fields[1..].iter().map(Vec::as_slice).collect();
                Ok(Frame::encode(kind, &fields))
            }
            _ => Err(Failure::new(Verdict::HarnessError, "the comparer asked what it never asks")),
        }
    }

    /// The result that the comparer's outcome stands for.
    async fn outcome(&mut self, frame: &Frame, source: &str, watch: &mut Watch) -> TestResult {
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
            Ok(()) => self.session.ask(b'U', &[source.as_bytes(), invocation.as_bytes()], watch).await,
            Err(failure) => Err(failure),
        };
        let failure = match answer {
            Ok(frame) if frame.kind == b'O' => None,
            Ok(frame) if frame.kind == b'F' => {
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

/// The comparer runs tests only: what ends it is the test's doing or ours, unless the value it compares is too large, or such
/// that the interpreter itself breaks on it. A program must not turn a wrong answer into a failure of the harness.
fn comparer_ended(ended: &Ended) -> Failure {
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
