//! One program in one child: loading it, asking it, and what an answer that is none means. A child that was ended, or
//! that must not be trusted further, is replaced by a fresh one with the next request.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use egcfg_task::{Backend, Form, Verdict};

use crate::error::SandboxError;
use crate::judge::failure::{Failure, exception, exited};
use crate::judge::pace::{Pace, Purpose};
use crate::limits::Limits;
use crate::options::{Program, TraceOptions};
use crate::protocol::frame::Frame;
use crate::protocol::names::{answer, ask};
use crate::supervisor::bundle::CPU_BACKSTOP;
use crate::supervisor::child::{Child, Ended};
use crate::supervisor::clock::Watch;
use crate::supervisor::pool::Pool;
use crate::supervisor::reading::Reading;
use crate::supervisor::zygote::Role;
use crate::token::token;

/// Room in a trace's memory beside the rendered values: names, lines, numbers.
const TRACE_SLACK: u64 = 256 << 10;

/// Why a request has no answer.
enum Unanswered {
    Told(Failure),
    Ended(Ended),
}

/// What a script has written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// To its standard output, up to the limit.
    pub(crate) stdout: Vec<u8>,
    /// To its standard error, up to the limit.
    pub(crate) stderr: Vec<u8>,
    /// Whether there was more.
    pub(crate) exceeded: bool,
}

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pool: &'a Arc<Pool>,
    program: &'a Program,
    trace: Option<&'a TraceOptions>,
    child: Option<Child>,
    /// A call or a test has run in the child.
    used: bool,
    /// What the entry point is: `function`, `class`, `callable`, `value`, `missing` or `script`.
    pub(crate) entry: String,
    trace_bytes: Vec<u8>,
    /// What a script had written whose child was ended.
    written: Written,
    /// How much time its tests get.
    pub(crate) pace: Pace,
    /// The program is being loaded.
    loading: bool,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        pool: &'a Arc<Pool>,
        program: &'a Program,
        trace: Option<&'a TraceOptions>,
        purpose: Purpose,
    ) -> Self {
        let (pace, entry, trace_bytes) = (Pace::new(&pool.limits, purpose), String::new(), Vec::new());
        let written = Written::default();
        Self {
            pool,
            program,
            trace,
            child: None,
            used: false,
            entry,
            trace_bytes,
            written,
            pace,
            loading: false,
        }
    }

    /// Whether a child with the program in it is there.
    pub(crate) fn is_loaded(&self) -> bool {
        self.child.is_some()
    }

    /// Whether a call or a test has run in the child since the program was loaded.
    pub(crate) fn is_used(&self) -> bool {
        self.used
    }

    /// The child, where there is one.
    pub(crate) fn child(&self) -> Option<&Child> {
        self.child.as_ref()
    }

    /// The program.
    pub(crate) fn program(&self) -> &'a Program {
        self.program
    }

    /// Whether invocations are traced.
    pub(crate) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// Whether the child, where there is one, has said nothing since its last answer.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !child.has_spoken())
    }

    /// Starts the clocks of a test.
    pub(crate) fn watch(&self) -> Watch {
        // A process that is still to be made starts from nothing.
        let reading = if self.child.is_some() { None } else { Some(Reading::default()) };
        Watch::start(&self.pace.limits(self.loading), reading)
    }

    /// The same for a run with a limit of time of its own, where that is shorter.
    pub(crate) fn watch_within(&self, time: Duration) -> Watch {
        let limits = self.pace.limits(self.loading);
        let (wall, cpu, idle) = (limits.wall.min(time), limits.cpu.min(time), limits.idle.min(time));
        Watch::start(&Limits { wall, cpu, idle, ..limits }, None)
    }

    /// Throws the child away when it has used so much processor time that the kernel's own limit comes near.
    pub(crate) fn retire_when_spent(&mut self) {
        let limits = &self.pool.limits;
        let limit = limits.cpu * (CPU_BACKSTOP as u32 - 1);
        let Some(child) = &self.child else { return };
        // All its threads together cannot have used more than this.
        let most = child.lifetime().saturating_mul(u32::try_from(limits.threads).unwrap_or(u32::MAX));
        if most >= limit && child.reading().is_some_and(|reading| reading.cpu() >= limit) {
            self.discard();
        }
    }

    /// Loads the program into a fresh child. The inner result is the program's.
    pub(crate) async fn load(&mut self) -> Result<Result<(), Failure>, SandboxError> {
        let form: &[u8] = if self.program.form == Form::Stdio { b"stdio" } else { b"asserts" };
        self.load_as(form).await
    }

    /// The same for a test that is to run beside it, and that may patch what the program uses.
    pub(crate) async fn load_for_a_test(&mut self) -> Result<Result<(), Failure>, SandboxError> {
        self.load_as(b"beside").await
    }

    async fn load_as(&mut self, form: &[u8]) -> Result<Result<(), Failure>, SandboxError> {
        let child = self.pool.child(Role::Candidate).await?;
        let trace = match self.trace {
            None => String::new(),
            Some(options) => {
                child
                    .trace()
                    .open(8 + u64::from(options.size) + TRACE_SLACK)
                    .map_err(|error| SandboxError::Spawn(format!("no memory for a trace: {error}")))?;
                let backend = match options.backend {
                    None => "",
                    Some(Backend::Monitoring) => "monitoring",
                    Some(Backend::Settrace) => "settrace",
                };
                let (steps, wall, size) = (options.steps, options.wall.as_secs_f64(), options.size);
                format!("{steps},{wall},{size},{backend},{}", u8::from(options.instructions))
            }
        };
        self.child = Some(child);
        (self.used, self.loading) = (false, true);
        let mut watch = self.watch();
        let program = self.program;
        let fields: [&[u8]; 5] = [
            program.source.as_bytes(),
            program.entry_point.as_bytes(),
            program.setup_code.as_bytes(),
            form,
            trace.as_bytes(),
        ];
        let answer = self.ask(ask::LOAD, &fields, &mut watch).await;
        self.loading = false;
        let frame = match answer {
            Ok(frame) => frame,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(match frame.kind {
            answer::LOADED => {
                self.entry = frame.text(1);
                Ok(())
            }
            answer::SYNTAX => Err(Failure::new(Verdict::SyntaxError, frame.text(1))),
            _ => Err(self.raised(&frame)),
        })
    }

    /// Sends a request and waits for an answer that carries its token.
    pub(crate) async fn ask(
        &mut self,
        kind: u8,
        fields: &[&[u8]],
        watch: &mut Watch,
    ) -> Result<Frame, Failure> {
        let failure = match self.answer(kind, fields, watch).await {
            Ok(frame) => return Ok(frame),
            Err(Unanswered::Told(failure)) => failure,
            Err(Unanswered::Ended(ended)) => self.explain(&ended),
        };
        self.discard();
        Err(failure)
    }

    /// Runs a script to its end; returns its exit code. One that ends its own process has ended, too: what it had written by
    /// then is there to be read. With `shows`, that includes what the interpreter writes of an exception; a judge of the output has
    /// no use for it, and it takes a module more.
    pub(crate) async fn run_script(&mut self, watch: &mut Watch, shows: bool) -> Result<i32, Failure> {
        // Threads that do nothing for most of the time that the idle clock allows will not end.
        let patience = format!("{:.3}", self.pace.limits(false).idle.as_secs_f64() * 0.75);
        let (shows_messages, shows): (bool, &[u8]) = (shows, if shows { b"1" } else { b"0" });
        let failure = match self.answer(ask::RUN, &[patience.as_bytes(), shows], watch).await {
            Ok(frame) if frame.kind == answer::ENDED => return Ok(frame.text(1).parse().unwrap_or(0)),
            Ok(frame) => return Err(self.raised(&frame)),
            Err(Unanswered::Ended(Ended::Exited(Some(exit))))
                if let Some(code) = ExitStatus::from_raw(exit.status).code() =>
            {
                return Ok(code);
            }
            Err(Unanswered::Told(failure)) => failure,
            Err(Unanswered::Ended(ended)) => self.explain(&ended),
        };
        if shows_messages {
            self.written = self.output().await;
        }
        self.discard();
        Err(failure)
    }

    /// What the script has written, also where its child was ended.
    pub(crate) async fn output(&mut self) -> Written {
        match &self.child {
            Some(child) => Written {
                stdout: child.out.so_far().await,
                stderr: child.err.so_far().await,
                exceeded: child.out.is_exceeded() || child.err.is_exceeded(),
            },
            None => std::mem::take(&mut self.written),
        }
    }

    async fn answer(&mut self, kind: u8, fields: &[&[u8]], watch: &mut Watch) -> Result<Frame, Unanswered> {
        let Some(child) = &mut self.child else {
            let failure = Failure::new(Verdict::HarnessError, "a request without a process");
            return Err(Unanswered::Told(failure));
        };
        self.used |= matches!(kind, ask::CALL | ask::BESIDE);
        let token = token();
        let mut all: Vec<&[u8]> = vec![&token];
        all.extend_from_slice(fields);
        match child.ask(kind, &all, watch).await {
            Ok(frame) if frame.field(0) == token && child.is_quiet() => Ok(frame),
            Ok(_) => Err(Unanswered::Told(Failure::new(
                Verdict::Forged,
                "the program wrote on the harness's own channel",
            ))),
            Err(ended) => Err(Unanswered::Ended(ended)),
        }
    }

    /// Ends when the child is beyond a limit of what it holds while nobody waits for it: its threads go on meanwhile. With it
    /// ends the child.
    pub(crate) async fn overrun(&mut self) -> Failure {
        let often = if self.pool.limits.resident { 10 } else { 100 };
        loop {
            tokio::time::sleep(Duration::from_millis(often)).await;
            if let Some(ended) = self.child.as_ref().and_then(Child::overrun) {
                let failure = self.explain(&ended);
                self.discard();
                return failure;
            }
        }
    }

    /// The failure that an exception or exit frame reports.
    pub(crate) fn raised(&mut self, frame: &Frame) -> Failure {
        match frame.kind {
            answer::EXITED => {
                let code = frame.text(1).parse().unwrap_or(1);
                Failure::new(
                    Verdict::ExitedEarly { code },
                    format!("the program ended itself with exit code {code}"),
                )
            }
            answer::RAISED => exception(&frame.text(1), &frame.text(3)),
            _ => {
                self.discard();
                Failure::new(Verdict::Forged, "the program answered what nobody asked")
            }
        }
    }

    /// Ends the child; the next request needs a fresh one.
    pub(crate) fn discard(&mut self) {
        if let Some(child) = self.child.take()
            && self.trace.is_some()
        {
            self.trace_bytes = child.trace().take(self.trace_limit());
        }
    }

    /// The bytes of the trace that the last request left, also when its child was ended.
    pub(crate) fn take_trace(&mut self) -> Vec<u8> {
        if self.trace.is_none() {
            return Vec::new();
        }
        match &self.child {
            Some(child) => child.trace().take(self.trace_limit()),
            None => std::mem::take(&mut self.trace_bytes),
        }
    }

    fn trace_limit(&self) -> usize {
        self.trace.map_or(0, |options| options.size as usize + TRACE_SLACK as usize)
    }

    fn explain(&self, ended: &Ended) -> Failure {
        let limits = &self.pool.limits;
        match ended {
            Ended::Timeout(clock) => self.pace.ended(*clock, self.loading),
            Ended::Output => {
                let text = format!("wrote more than {} bytes", limits.output);
                Failure::new(Verdict::OutputExceeded, text)
            }
            Ended::Disk => {
                let text =
                    format!("left more than {} files or {} bytes of them", limits.entries, limits.disk);
                Failure::new(Verdict::OutputExceeded, text)
            }
            Ended::Memory => {
                let text = format!("used more than {} bytes of memory", limits.memory);
                Failure::new(Verdict::MemoryExceeded, text)
            }
            Ended::Processes => {
                let text =
                    format!("ended when it was refused more than {} processes and threads", limits.threads);
                Failure::new(Verdict::ProcessLimit, text)
            }
            Ended::Forged(error) => {
                Failure::new(Verdict::Forged, format!("on the harness's own channel: {error}"))
            }
            Ended::Exited(Some(exit)) => exited(exit, limits),
            Ended::Exited(None) => {
                Failure::new(Verdict::SandboxUnavailable, "the warm interpreter ended during the run")
            }
        }
    }
}
