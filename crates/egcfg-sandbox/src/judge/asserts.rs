//! Judging assert tests. The test runs in a comparer process; each call that it makes of the program is carried to the
//! program's process, whose answer is checked and carried back. Whatever the program's process does instead of answering
//! settles the test; the comparer then only learns that it is over.

use std::time::{Duration, Instant};

use egcfg_task::{Test, Verdict};

use crate::error::SandboxError;
use crate::judge::failure::{Failure, Judged, comparer_ended, invalid, plain};
use crate::judge::session::Session;
use crate::protocol::frame::Frame;
use crate::protocol::names::{answer, ask, tell, want};
use crate::protocol::value;
use crate::supervisor::child::Child;
use crate::supervisor::clock::Watch;
use crate::supervisor::pool::Lease;
use crate::supervisor::zygote::Role;

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

/// The tests of one program at work.
pub(super) struct Judging<'a, 'b> {
    lease: &'a Lease<'a>,
    pub(super) session: &'a mut Session<'b>,
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
            out = Frame::encode(tell::BEGIN, &fields);
        }
        while let Some(Test::Assert(source)) = self.tests.get(self.told) {
            let ahead = self.told - index.min(self.told);
            if self.told > index && (ahead >= AHEAD || out.len() + source.len() > AHEAD_BYTES) {
                break;
            }
            out.extend(Frame::encode(tell::TEST, &[source.as_bytes()]));
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
                Ok(frame) if frame.kind == want::OUTCOME => {
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
                Frame::encode(tell::OVER, &[])
            } else {
                match self.carry(&frame, watch).await {
                    Ok(answer) => answer,
                    Err(failure) => {
                        settled = Some(failure);
                        Frame::encode(tell::OVER, &[])
                    }
                }
            };
        }
    }

    /// Carries one request of the comparer's to the program; returns the frame that answers it.
    async fn carry(&mut self, frame: &Frame, watch: &mut Watch) -> Result<Vec<u8>, Failure> {
        let fields: Vec<&[u8]> = frame.fields.iter().map(Vec::as_slice).collect();
        match frame.kind {
            want::PROGRAM => Ok(Frame::encode(answer::LOADED, &[self.session.entry.as_bytes()])),
            want::NAMES => {
                let answer = self.session.ask(ask::NAMES, &fields, watch).await?;
                if answer.kind != answer::NAMES {
                    return Err(self.session.raised(&answer));
                }
                Ok(Frame::encode(answer::NAMES, &[answer.field(1)]))
            }
            want::CALL => {
                let known = value::check(frame.field(3), &[]).map_err(|error| {
                    Failure::new(Verdict::HarnessError, format!("the test's arguments: {error}"))
                })?;
                let answer = self.session.ask(ask::CALL, &fields, watch).await?;
                let (kind, payload) = match answer.kind {
                    answer::VALUE => (answer::VALUE, 1),
                    answer::RAISED if answer.fields.len() > 4 => (answer::RAISED, 4),
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
}
