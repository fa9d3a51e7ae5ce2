//! The door: a pool of warm interpreters that judges, observes and traces programs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egcfg_task::{Form, Observation, Test, TestResult, Trace, Verdict};
use tokio::task::JoinHandle;

use crate::error::SandboxError;
use crate::judge::asserts::{Judged, mark_cut};
use crate::judge::script::Ran;
use crate::judge::session::Session;
use crate::judge::{asserts, script, stdio};
use crate::level::{Level, LevelChoice};
use crate::options::{Limits, Program, SandboxOptions, TraceOptions};
use crate::profile::Profile;
use crate::supervisor::bundle::{Bundle, backstop};
use crate::supervisor::calibrate;
use crate::supervisor::descriptors::make_room;
use crate::supervisor::groups::{Found, Groups, Version, missing, prove};
use crate::supervisor::interpreter::Interpreter;
use crate::supervisor::pool::Pool;
use crate::supervisor::protection::{Probed, Protection, demand, level, probe, steps_in_force};
use crate::supervisor::workdir::RunDirectory;
use crate::supervisor::zygote::Zygote;
use crate::trace::decode;

/// Runs untrusted Python programs. A clone is another handle on the same pool.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    interpreter: Interpreter,
    protections: Vec<Protection>,
    interface: Option<Version>,
    ceiling: Level,
    calibration: f64,
    profile: Profile,
    /// As they were asked for.
    limits: Limits,
    pool: Arc<Pool>,
    // After the pool: fields go in this order.
    _tidy: Tidy,
}

/// Waits a moment for the threads that remove what the last programs left. A process that ends right after its sandbox
/// would end them half-way, and leave the rest to the next start.
#[derive(Debug)]
struct Tidy(PathBuf);

impl Drop for Tidy {
    fn drop(&mut self) {
        let started = Instant::now();
        // Longer only where programs still run, whose tasks hold on to the pool.
        while self.0.exists() && started.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A warm interpreter forks fast enough for this many workers.
const WORKERS_PER_INTERPRETER: usize = 4;

impl Sandbox {
    /// Finds the interpreter, warms it, finds out what protects this machine, and forks the first children.
    ///
    /// Must be called on a tokio runtime with IO and time, and used on the same one. Where so many workers need it, the
    /// process's own limit of open descriptors is raised as far as the system allows.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        if options.workers == 0 {
            return Err(SandboxError::Option { field: "workers", reason: "0 (hint: at least 1)".to_owned() });
        }
        make_room(options.workers);
        let (python, packages) = (options.python.clone(), options.profile == Profile::DataScience);
        let find = move || {
            let mut interpreter = Interpreter::find(python.as_deref())?;
            if packages {
                interpreter.find_packages();
            }
            Ok::<_, SandboxError>(interpreter)
        };
        let interpreter = tokio::task::spawn_blocking(find)
            .await
            .map_err(|error| SandboxError::Zygote(error.to_string()))??;
        // Before anything is started: this process may have to move to another group for it.
        let (groups, proof) = control_groups(&options, &interpreter);
        let run = Arc::new(RunDirectory::create()?);
        let tidy = Tidy(run.path().to_owned());
        let bundle = Bundle::new(&interpreter, &options, run.path())?;
        let count = options.workers.div_ceil(WORKERS_PER_INTERPRETER);
        let started: Vec<_> = (0..count).map(|_| Zygote::start(bundle.clone(), Arc::clone(&run))).collect();
        let mut zygotes = Vec::new();
        for (zygote, ready) in started {
            let ready = ready.await.unwrap_or_else(|_| Err("no thread for it".to_owned()));
            ready.map_err(SandboxError::Zygote)?;
            zygotes.push(zygote);
        }
        let probing =
            Pool::new(zygotes.clone(), Arc::clone(&run), None, options.limits.clone(), options.workers);
        let Probed { protections, reference } = probe(
            &probing,
            options.level.ceiling(),
            proof.await.unwrap_or_else(|error| missing(&error.to_string())),
        )
        .await?;
        let calibration = match (options.calibrate, reference) {
            (true, Some(seconds)) => calibrate::remember(&interpreter.path, seconds),
            (true, None) => calibrate::known(&interpreter.path).unwrap_or(1.0),
            (false, _) => 1.0,
        };
        let mut limits = calibrate::scaled(&options.limits, calibration);
        let in_force = |name: &str| protections.iter().any(|one| one.name == name && one.in_force());
        let groups = groups.filter(|_| in_force("cgroup-memory") || in_force("cgroup-pids"));
        // Where the kernel counts, nobody needs to look.
        limits.resident &= groups.is_none() || !in_force("cgroup-memory");
        let interface = groups.as_ref().map(|groups| groups.version);
        let pool = Pool::new(zygotes.clone(), Arc::clone(&run), groups, limits, options.workers);
        // No system lacks this one by its nature: without it the disk is full, and the others cannot be probed.
        let left_out = options.without.iter().any(|name| name == "work-directory");
        let work = protections.iter().find(|protection| protection.name == "work-directory" && !left_out);
        if let Some(reason) = work.and_then(|protection| protection.missing.clone()) {
            return Err(SandboxError::WorkDirectory {
                path: run.next(),
                source: std::io::Error::other(reason),
            });
        }
        if options.without.is_empty() {
            demand(options.level, &protections)?;
        }
        for name in &options.required {
            let known = protections.iter().find(|protection| protection.name == name);
            let reason = match known {
                None => Some("there is no such protection".to_owned()),
                Some(protection) => protection.missing.clone(),
            };
            if let Some(reason) = reason {
                return Err(SandboxError::Unprotected { name: name.clone(), reason });
            }
        }
        for zygote in &zygotes {
            zygote.expect(steps_in_force(&protections), backstop(&pool.limits));
        }
        pool.refill().await;
        Ok(Self {
            inner: Arc::new(Inner {
                interpreter,
                protections,
                interface,
                ceiling: options.level.ceiling(),
                calibration,
                limits: options.limits,
                profile: options.profile,
                pool,
                _tidy: tidy,
            }),
        })
    }

    /// Judges a program: one result per test, in order.
    pub async fn judge(&self, program: &Program, tests: &[Test]) -> Result<Vec<TestResult>, SandboxError> {
        let judged = self.run(program, tests, None).await?;
        Ok(judged.into_iter().map(|(result, _)| result).collect())
    }

    /// Judges a program twice, each time in processes of its own. A test whose two verdicts differ is marked as flaky, and
    /// of its two results the one that did not pass is kept: what passes now and then does not pass.
    pub async fn judge_twice(
        &self,
        program: &Program,
        tests: &[Test],
    ) -> Result<Vec<TestResult>, SandboxError> {
        let first = self.judge(program, tests).await?;
        let second = self.judge(program, tests).await?;
        Ok(first.into_iter().zip(second).map(|(first, second)| confirmed(first, second)).collect())
    }

    /// Judges a program and traces, per test, the invocation that it makes (the last one, where it makes several).
    pub async fn observe(
        &self,
        program: &Program,
        tests: &[Test],
        options: &TraceOptions,
    ) -> Result<Vec<Observation>, SandboxError> {
        let judged = self.run(program, tests, Some(options)).await?;
        let observed = judged.into_iter().map(|(result, bytes)| {
            let trace = self.decode(&bytes, &result.verdict);
            Observation { result, trace }
        });
        Ok(observed.collect())
    }

    /// Traces one invocation, such as `f([1, 2])`, without a test. A program that cannot be loaded gives an empty trace
    /// that is marked as cut.
    pub async fn trace(
        &self,
        program: &Program,
        call: &str,
        options: &TraceOptions,
    ) -> Result<Trace, SandboxError> {
        let (pool, program, options) = (Arc::clone(&self.inner.pool), program.clone(), options.clone());
        let expression = call.to_owned();
        let (bytes, verdict) = task(async move {
            let _lease = pool.lease().await?;
            let mut session = Session::new(&pool, &program, Some(&options));
            let mut verdict = Verdict::Passed;
            if let Err(failure) = session.load().await? {
                verdict = failure.verdict;
            } else {
                let mut watch = session.watch();
                if let Err(failure) = session.ask(b'R', &[expression.as_bytes()], &mut watch).await {
                    verdict = failure.verdict;
                }
            }
            Ok((session.take_trace(), verdict))
        })
        .await?;
        Ok(self
            .decode(&bytes, &verdict)
            .unwrap_or_else(|| decode::empty(&self.inner.interpreter.version, call)))
    }

    /// Runs a program by itself, as `python3 program.py < stdin` does, for at most `time` of real time, processor time or
    /// idleness, where that is less than the sandbox's own limits. When this future is dropped, the program and all that it
    /// began are ended.
    pub async fn run_script(&self, source: &str, stdin: &str, time: Duration) -> Result<Ran, SandboxError> {
        let (pool, stdin) = (Arc::clone(&self.inner.pool), stdin.to_owned());
        let program = Program { source: source.to_owned(), form: Form::Stdio, ..Program::default() };
        task(async move {
            let lease = pool.lease().await?;
            let mut session = Session::new(&pool, &program, None);
            script::run(&lease, &mut session, &stdin, time).await
        })
        .await
    }

    /// The interpreter that programs run on.
    pub fn interpreter(&self) -> &Interpreter {
        &self.inner.interpreter
    }

    /// What protects this machine from programs, and what does not.
    pub fn protections(&self) -> &[Protection] {
        &self.inner.protections
    }

    /// The layer in force: the strongest whose needed protections, and those of all layers below, are in force.
    pub fn level(&self) -> Level {
        level(&self.inner.protections)
    }

    /// Which interface of the kernel gives each run a control group: `version 1` or `version 2`; `None` where none does.
    pub fn control_groups(&self) -> Option<String> {
        self.inner.interface.map(|version| version.to_string())
    }

    /// The factor, 1 or more, by which the limits of time have grown because this machine is slow or busy.
    pub fn calibration(&self) -> f64 {
        self.inner.calibration
    }

    /// The limits of every run as they were asked for, before calibration.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The kind of programs.
    pub fn profile(&self) -> Profile {
        self.inner.profile
    }

    /// The protections up to the strongest layer tried that are not in force though a layer needs them.
    pub fn missing(&self) -> impl Iterator<Item = &Protection> {
        let ceiling = self.inner.ceiling;
        let missing = move |p: &&Protection| p.needed && !p.in_force() && p.layer <= ceiling;
        self.inner.protections.iter().filter(missing)
    }

    async fn run(
        &self,
        program: &Program,
        tests: &[Test],
        trace: Option<&TraceOptions>,
    ) -> Result<Vec<Judged>, SandboxError> {
        if tests.is_empty() {
            return Ok(Vec::new());
        }
        let (pool, program, tests, trace) =
            (Arc::clone(&self.inner.pool), program.clone(), tests.to_vec(), trace.cloned());
        task(async move {
            let lease = pool.lease().await?;
            let mut session = Session::new(&pool, &program, trace.as_ref());
            match program.form {
                Form::Asserts => asserts::judge(&lease, &mut session, &tests).await,
                Form::Stdio => stdio::judge(&lease, &mut session, &tests).await,
            }
        })
        .await
    }

    fn decode(&self, bytes: &[u8], verdict: &Verdict) -> Option<Trace> {
        if bytes.is_empty() {
            return None;
        }
        let mut trace = decode::decode(bytes, &self.inner.interpreter.version)?;
        mark_cut(&mut trace, verdict);
        Some(trace)
    }
}

/// The group for this sandbox's runs, where one can be made, and a trial that is under way: of whether its limits hold.
fn control_groups(
    options: &SandboxOptions,
    interpreter: &Interpreter,
) -> (Option<Arc<Groups>>, JoinHandle<Found>) {
    let opened = match options.level.ceiling() {
        Level::L2 => Groups::open(&options.without),
        _ => Err("not asked for".to_owned()),
    };
    let (groups, python, without) =
        (opened.as_ref().ok().cloned(), interpreter.path.clone(), options.without.clone());
    let trial = tokio::task::spawn_blocking(move || match opened {
        Ok(groups) => prove(&groups, &python, &without),
        Err(why) => missing(&why),
    });
    (groups, trial)
}

/// The layers that can be had here with these options, weakest first ([`Level::None`] always can). Starts a sandbox to
/// find out.
pub async fn available_levels(options: &SandboxOptions) -> Result<Vec<Level>, SandboxError> {
    let choose = |level| SandboxOptions { level, workers: 1, ..options.clone() };
    let usual = Sandbox::start(choose(LevelChoice::Auto)).await?.level();
    let strongest = match Sandbox::start(choose(LevelChoice::Exactly(Level::L2))).await {
        Ok(sandbox) => sandbox.level().max(usual),
        Err(SandboxError::Level { .. }) => usual,
        Err(error) => return Err(error),
    };
    Ok(Level::ALL.into_iter().filter(|level| *level <= strongest).collect())
}

/// What two results of the same test say together.
fn confirmed(first: TestResult, second: TestResult) -> TestResult {
    // A failure of ours says nothing about the program, and nothing was confirmed.
    let flaky = first.verdict != second.verdict && first.verdict.is_scored() && second.verdict.is_scored();
    let second_counts = if flaky { first.verdict.passed() } else { !second.verdict.is_scored() };
    TestResult { flaky, ..if second_counts { second } else { first } }
}

/// Runs a future as a task of its own: then the thread that sees a child's answer also takes the next step, where a
/// future that is awaited from outside would wait for another thread each time. Dropping this ends the task.
async fn task<T: Send + 'static>(
    future: impl Future<Output = Result<T, SandboxError>> + Send + 'static,
) -> Result<T, SandboxError> {
    struct Guard<T>(JoinHandle<T>);
    impl<T> Drop for Guard<T> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let mut guard = Guard(tokio::spawn(future));
    (&mut guard.0).await.map_err(|error| SandboxError::Protocol(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(verdict: Verdict) -> TestResult {
        TestResult { verdict, seconds: 0.0, error: None, got: None, unproven: false, flaky: false }
    }

    #[test]
    fn what_passes_only_once_does_not_pass() {
        use Verdict::{Passed, SandboxUnavailable, WrongAnswer};
        for (first, second, kept, flaky) in [
            (Passed, Passed, Passed, false),
            (WrongAnswer, WrongAnswer, WrongAnswer, false),
            (Passed, WrongAnswer, WrongAnswer, true),
            (WrongAnswer, Passed, WrongAnswer, true),
            (Passed, SandboxUnavailable, SandboxUnavailable, false),
            (SandboxUnavailable, Passed, SandboxUnavailable, false),
        ] {
            let found = confirmed(result(first), result(second));
            assert_eq!((found.verdict, found.flaky), (kept, flaky));
        }
    }
}
