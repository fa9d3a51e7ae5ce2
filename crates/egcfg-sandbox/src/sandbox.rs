//! The door: a pool of warm interpreters that judges, observes and traces programs.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use egcfg_task::{Form, Observation, Test, TestResult, Trace, Verdict};
use tokio::task::JoinHandle;

use crate::error::SandboxError;
use crate::judge::failure::Judged;
use crate::judge::pace::Purpose;
use crate::judge::script::Ran;
use crate::judge::session::Session;
use crate::judge::{asserts, hidden, script, stdio};
use crate::level::Level;
use crate::limits::Limits;
use crate::options::{Program, TraceOptions};
use crate::profile::Profile;
use crate::protocol::names::ask;
use crate::supervisor::groups::Version;
use crate::supervisor::interpreter::Interpreter;
use crate::supervisor::pool::Pool;
use crate::supervisor::protection::{Protection, level};
use crate::supervisor::workdir::Tidy;
use crate::trace::cut::mark_cut;
use crate::trace::decode;

/// What came of tracing one invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// Its steps.
    pub trace: Trace,
    /// Why the program could not be loaded, where that is so.
    pub unloaded: Option<String>,
}

/// Runs untrusted Python programs. A clone is another handle on the same pool.
#[derive(Debug, Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) interpreter: Interpreter,
    pub(crate) protections: Vec<Protection>,
    pub(crate) interface: Option<Version>,
    pub(crate) ceiling: Level,
    pub(crate) calibration: f64,
    pub(crate) profile: Profile,
    /// As they were asked for.
    pub(crate) limits: Limits,
    pub(crate) pool: Arc<Pool>,
    /// Where the interpreter's packages are, once somebody has asked though the profile does not show them.
    pub(crate) installed: OnceLock<Vec<PathBuf>>,
    // After the pool: fields go in this order.
    pub(crate) _tidy: Tidy,
}

impl Sandbox {
    /// Judges a program: one result per test, in order.
    pub async fn judge(&self, program: &Program, tests: &[Test]) -> Result<Vec<TestResult>, SandboxError> {
        let judged = self.run(program, tests, None).await?;
        Ok(self.with_hints(judged.into_iter().map(|(result, _)| result).collect()).await)
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
    ///
    /// A test gets a tenth of its limits of time: candidates often never end, and their traces are long enough by then. One
    /// that does not end is [`Verdict::Unfinished`], unless all others pass: then it is judged with its whole limits, since a
    /// slow program may be right.
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
        let mut observed: Vec<Observation> = observed.collect();
        let unfinished = |seen: &Observation| seen.result.verdict == Verdict::Unfinished;
        let passed = observed.iter().filter(|seen| seen.result.verdict.passed()).count();
        if passed > 0 && observed.iter().all(|seen| seen.result.verdict.passed() || unfinished(seen)) {
            for (seen, test) in observed.iter_mut().zip(tests).filter(|(seen, _)| unfinished(seen)) {
                let whole = self.judge(program, std::slice::from_ref(test)).await?;
                seen.result = whole.into_iter().next().unwrap_or_else(|| seen.result.clone());
                if !seen.result.verdict.passed() {
                    break;
                }
            }
        }
        Ok(observed)
    }

    /// Traces one invocation, such as `f([1, 2])`, without a test. A program that cannot be loaded gives an empty trace
    /// that is marked as cut, and the reason.
    pub async fn trace(
        &self,
        program: &Program,
        call: &str,
        options: &TraceOptions,
    ) -> Result<Traced, SandboxError> {
        let (pool, program, options) = (Arc::clone(&self.inner.pool), program.clone(), options.clone());
        let expression = call.to_owned();
        let (bytes, verdict, unloaded) = task(async move {
            let _lease = pool.lease().await?;
            let mut session = Session::new(&pool, &program, Some(&options), Purpose::Trace(options.wall));
            let (mut verdict, mut unloaded) = (Verdict::Passed, None);
            if let Err(failure) = session.load().await? {
                unloaded = Some(failure.error.unwrap_or_else(|| failure.verdict.to_string()));
                verdict = failure.verdict;
            } else {
                let mut watch = session.watch();
                if let Err(failure) = session.ask(ask::TRACE, &[expression.as_bytes()], &mut watch).await {
                    verdict = failure.verdict;
                }
            }
            Ok((session.take_trace(), verdict, unloaded))
        })
        .await?;
        let trace = self.decode(&bytes, &verdict);
        let trace = trace.unwrap_or_else(|| decode::empty(&self.inner.interpreter.version, call));
        Ok(Traced { trace, unloaded })
    }

    /// Runs a program by itself, as `python3 program.py < stdin` does, for at most `time` of real time, processor time or
    /// idleness, where that is less than the sandbox's own limits. When this future is dropped, the program and all that it
    /// began are ended.
    pub async fn run_script(&self, source: &str, stdin: &str, time: Duration) -> Result<Ran, SandboxError> {
        let (pool, stdin) = (Arc::clone(&self.inner.pool), stdin.to_owned());
        let program = Program { source: source.to_owned(), form: Form::Stdio, ..Program::default() };
        task(async move {
            let lease = pool.lease().await?;
            let mut session = Session::new(&pool, &program, None, Purpose::Verdict);
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
            let mut session = Session::new(&pool, &program, trace.as_ref(), Purpose::of(trace.as_ref()));
            match program.form {
                Form::Asserts => asserts::judge(&lease, &mut session, &tests).await,
                Form::Stdio => stdio::judge(&lease, &mut session, &tests).await,
            }
        })
        .await
    }

    /// Says of a module that was not found where the profile hides it.
    async fn with_hints(&self, mut results: Vec<TestResult>) -> Vec<TestResult> {
        let profile = self.inner.profile;
        if profile == Profile::DataScience
            || !results.iter().any(|result| hidden::not_found(result).is_some())
        {
            return results;
        }
        let packages = self.installed().await;
        for result in &mut results {
            if let Some(module) = hidden::not_found(result).map(str::to_owned)
                && hidden::has(packages, &module)
            {
                hidden::explain(result, &module, profile);
            }
        }
        results
    }

    /// The module that a program did not find because the profile hides it from programs; nothing where each was there, or where
    /// the interpreter has none of that name either.
    pub async fn hidden_module(&self, results: &[TestResult]) -> Option<String> {
        if self.inner.profile == Profile::DataScience {
            return None;
        }
        let module = results.iter().find_map(hidden::not_found)?.to_owned();
        hidden::has(self.installed().await, &module).then_some(module)
    }

    /// Where the interpreter's packages are, asked once.
    async fn installed(&self) -> &[PathBuf] {
        if self.inner.installed.get().is_none() {
            let interpreter = self.inner.interpreter.clone();
            let asked = tokio::task::spawn_blocking(move || interpreter.installed()).await;
            let _ = self.inner.installed.set(asked.unwrap_or_default());
        }
        self.inner.installed.get().map_or(&[][..], Vec::as_slice)
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
