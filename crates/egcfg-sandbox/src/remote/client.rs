//! [`ExecEval`]: the program and its tests go to the server in batches, the answers come back as results in the tests'
//! order. What keeps an answer from coming gives `sandbox unavailable` (the way there, the server) or `harness error`
//! (a job that it refuses), never a verdict on the program.

use std::sync::Arc;
use std::time::{Duration, Instant};

use egcfg_http::{Attempts, Patience};
use egcfg_task::{Form, Test, TestResult, Verdict};
use reqwest::Client;
use tokio::sync::Semaphore;

use super::fault::Fault;
use super::http;
use super::outcome;
use super::protocol::{self, Job, JobLimits, Judged, UnitTest};
use super::wrap::wrap;
use crate::error::SandboxError;
use crate::judge::failure::{Failure, plain};
use crate::limits::Limits;
use crate::options::Program;

/// Tests per request: enough to share the cost of one, few enough that one slow program's answer comes in minutes.
const BATCH: usize = 16;
/// What the server may take for compiling, and for starting a process per test, besides the tests' own time.
const COMPILING: Duration = Duration::from_secs(75);
/// The server lets Python run for this many times its processor limit in real time.
const WALL_FACTOR: u32 = 3;

/// A client of an ExecEval server. It judges stdin/stdout programs. A clone shares the connections.
///
/// ```no_run
/// use egcfg_sandbox::remote::ExecEval;
/// use egcfg_sandbox::{Limits, Program};
/// use egcfg_task::{Form, Test};
///
/// # async fn example() -> Result<(), egcfg_sandbox::SandboxError> {
/// let judge = ExecEval::new("127.0.0.1", 5000, Limits::default())?;
/// judge.check().await?;
/// let program = Program {
///     source: "def solve():\n    print(2 * int(input()))\n".to_owned(),
///     entry_point: "solve".to_owned(),
///     form: Form::Stdio,
///     ..Program::default()
/// };
/// let tests = [Test::stdio("4\n", "8\n")];
/// assert!(judge.judge(&program, &tests).await?[0].verdict.passed());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ExecEval {
    client: Client,
    base: String,
    language: String,
    limits: Limits,
    patience: Patience,
    timeout: Option<Duration>,
    slots: Arc<Semaphore>,
}

impl ExecEval {
    /// A client of the server at `host` (a name, an address, or a whole `http://...` or `https://...` base) and `port`.
    ///
    /// Of the limits, processor time (in whole seconds, rounded up), memory, file size and open descriptors are sent along;
    /// the server ends a program after three times the processor time, whatever the wall limit says.
    pub fn new(host: &str, port: u16, limits: Limits) -> Result<Self, SandboxError> {
        Ok(Self {
            client: http::client()?,
            base: base(host, port)?,
            language: "Python 3".to_owned(),
            limits,
            // Each attempt has a limit of its own.
            patience: Patience { pause: Duration::from_millis(500), repetitions: 4, deadline: Duration::MAX },
            timeout: None,
            slots: Arc::new(Semaphore::new(8)),
        })
    }

    /// Takes another of the server's runtimes than `Python 3`.
    #[must_use]
    pub fn language(mut self, name: &str) -> Self {
        name.clone_into(&mut self.language);
        self
    }

    /// Repeats a request that failed on its way up to `count` times (default 4), the first time after `pause` (default
    /// 500 ms, up to twice as long by chance), then after twice as long each, or as long as the server asks.
    #[must_use]
    pub fn retries(mut self, count: u32, pause: Duration) -> Self {
        self.patience = Patience { pause, repetitions: count, ..self.patience };
        self
    }

    /// Waits for each answer this long at most; by default as long as the limits allow all tests of a request to take.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Has at most `count` requests under way at once (default 8): no more than the server has workers, since what waits
    /// there has begun to use up its time here.
    #[must_use]
    pub fn in_flight(mut self, count: usize) -> Self {
        self.slots = Arc::new(Semaphore::new(count.max(1)));
        self
    }

    fn attempts(&self) -> Attempts {
        Attempts::new(&self.base, self.patience)
    }

    /// Asks the server whether it has the runtime.
    pub async fn check(&self) -> Result<(), SandboxError> {
        let url = format!("{}/api/all_runtimes", self.base);
        let limit = self.timeout.unwrap_or(Duration::from_secs(20));
        let names =
            http::attempt(self.attempts(), false, limit, || self.client.get(&url), protocol::runtimes)
                .await
                .map_err(|fault| SandboxError::Remote {
                    server: self.base.clone(),
                    reason: fault.to_string(),
                })?;
        if names.contains(&self.language) {
            return Ok(());
        }
        let reason = format!("it has no runtime {:?}, only {}", self.language, names.join(", "));
        Err(SandboxError::Remote { server: self.base.clone(), reason })
    }

    /// Judges a program: one result per test, in order.
    ///
    /// An error means that the server is not for this program (its tests are asserts). A server that cannot be reached
    /// or answers nonsense is no error but the verdict [`Verdict::SandboxUnavailable`] on the tests concerned.
    pub async fn judge(&self, program: &Program, tests: &[Test]) -> Result<Vec<TestResult>, SandboxError> {
        if program.form != Form::Stdio {
            return Err(SandboxError::Option {
                field: "exec_eval",
                reason: "an ExecEval server judges stdin/stdout programs only \
                         (hint: judge assert tests in the local sandbox)"
                    .to_owned(),
            });
        }
        let source = wrap(program);
        let mut results: Vec<Option<TestResult>> = vec![None; tests.len()];
        let mut sent = Vec::new();
        for (index, test) in tests.iter().enumerate() {
            match unit_test(test) {
                Ok(unit) => sent.push((index, unit)),
                Err(failure) => results[index] = Some(plain(failure, Duration::ZERO)),
            }
        }
        for batch in sent.chunks(BATCH) {
            let units: Vec<UnitTest<'_>> = batch.iter().map(|(_, unit)| unit.clone()).collect();
            for ((index, _), result) in batch.iter().zip(self.batch(&source, &units).await) {
                results[*index] = Some(result);
            }
        }
        let lost = || plain(Failure::new(Verdict::HarnessError, "the result is lost"), Duration::ZERO);
        Ok(results.into_iter().map(|result| result.unwrap_or_else(lost)).collect())
    }

    /// One result per test of one request.
    async fn batch(&self, source: &str, units: &[UnitTest<'_>]) -> Vec<TestResult> {
        let same = |failure: Failure| vec![plain(failure, Duration::ZERO); units.len()];
        let Ok(_slot) = self.slots.acquire().await else {
            return same(Failure::new(Verdict::SandboxUnavailable, "the client is closed"));
        };
        let started = Instant::now();
        let limits = JobLimits::of(&self.limits);
        let job = Job {
            language: &self.language,
            source_code: source,
            unittests: units.to_vec(),
            limits,
            block_network: true,
            // Each test has a verdict of its own.
            stop_on_first_fail: false,
            use_sanitizer: false,
        };
        let url = format!("{}/api/execute_code", self.base);
        let each = Duration::from_secs(limits.cpu) * WALL_FACTOR + Duration::from_secs(2);
        let limit = self.timeout.unwrap_or(COMPILING + each * units.len() as u32);
        let request = || self.client.post(&url).json(&job);
        let judged =
            http::attempt(self.attempts(), true, limit, request, |body| protocol::judged(body, units)).await;
        match judged {
            Ok(Judged::Tests(answers)) => answers
                .iter()
                .zip(units)
                .map(|(answer, unit)| {
                    let expected = unit.output.first().unwrap_or(&"");
                    outcome::result(answer, expected, unit.compare, limits.cpu)
                })
                .collect(),
            Ok(Judged::NotCompiled(text)) => same(outcome::not_compiled(&text)),
            Err(fault) => {
                let verdict = match fault {
                    Fault::Refused(_) => Verdict::HarnessError,
                    _ => Verdict::SandboxUnavailable,
                };
                let text = format!("{}: {fault} (after {:.1} s)", self.base, started.elapsed().as_secs_f64());
                same(Failure::new(verdict, text))
            }
        }
    }
}

fn unit_test(test: &Test) -> Result<UnitTest<'_>, Failure> {
    match test {
        Test::Stdio { stdin, stdout, compare } if stdin.is_ascii() => {
            Ok(UnitTest { input: stdin, output: vec![stdout], compare: *compare })
        }
        // It would refuse the whole job, the other tests with it.
        Test::Stdio { .. } => {
            Err(Failure::new(Verdict::HarnessError, "an ExecEval server takes ASCII as standard input only"))
        }
        Test::Assert(_) => {
            Err(Failure::new(Verdict::HarnessError, "an assert test of a program that reads standard input"))
        }
    }
}

/// The address that paths are appended to.
fn base(host: &str, port: u16) -> Result<String, SandboxError> {
    let bad = |reason: String| SandboxError::Option { field: "exec_eval host", reason };
    let host = host.trim().trim_end_matches('/');
    let text = if host.contains("://") {
        format!("{host}:{port}")
    } else if host.contains(':') && !host.starts_with('[') {
        // A bare IPv6 address.
        format!("http://[{host}]:{port}")
    } else {
        format!("http://{host}:{port}")
    };
    let url = reqwest::Url::parse(&text).map_err(|error| bad(format!("{host:?}: {error}")))?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || !url.username().is_empty() {
        return Err(bad(format!("{host:?} is no server (hint: a name or an address such as 127.0.0.1)")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn names_addresses_and_bases_are_understood() {
        for (host, expected) in [
            ("127.0.0.1", "http://127.0.0.1:5000"),
            ("judge.example", "http://judge.example:5000"),
            ("::1", "http://[::1]:5000"),
            ("https://judge.example/", "https://judge.example:5000"),
        ] {
            assert_eq!(base(host, 5000).unwrap(), expected);
        }
        for host in ["", "a b", "ftp://x", "http://user@x", "x/y", "http://x:1"] {
            assert!(base(host, 5000).is_err(), "{host}");
        }
    }
}
