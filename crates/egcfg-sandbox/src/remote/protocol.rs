//! What is said to an ExecEval server and what it says: the documented JSON of `POST /api/execute_code` and
//! `GET /api/all_runtimes`. An answer is checked against its request here; one that does not fit is no answer.

use egcfg_task::Compare;
use serde::{Deserialize, Serialize};

use super::http::Fault;
use crate::limits::Limits;

/// A job.
#[derive(Debug, Serialize)]
pub(super) struct Job<'a> {
    pub(super) language: &'a str,
    pub(super) source_code: &'a str,
    pub(super) unittests: Vec<UnitTest<'a>>,
    pub(super) limits: JobLimits,
    pub(super) block_network: bool,
    pub(super) stop_on_first_fail: bool,
    pub(super) use_sanitizer: bool,
}

/// One test of a job.
#[derive(Debug, Clone, Serialize)]
pub(super) struct UnitTest<'a> {
    pub(super) input: &'a str,
    /// Any of them is right.
    pub(super) output: Vec<&'a str>,
    /// The test's own rule; the server knows one of its own only.
    #[serde(skip)]
    pub(super) compare: Compare,
}

/// Resource limits by their names there; what is not named keeps the server's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct JobLimits {
    /// Processor seconds. The server ends a program after a multiple of it in real time (3 for Python).
    pub(super) cpu: u64,
    /// Address space in bytes.
    #[serde(rename = "_as")]
    pub(super) address_space: u64,
    /// Size of one file in bytes.
    pub(super) fsize: u64,
    /// Open descriptors.
    pub(super) nofile: u64,
}

impl JobLimits {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            // In whole seconds there, and never less than allowed here.
            cpu: limits.cpu.as_secs() + u64::from(limits.cpu.subsec_nanos() > 0),
            address_space: limits.memory,
            fsize: limits.file_size,
            nofile: limits.files,
        }
    }
}

/// What the server says about one test.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) input: String,
    /// Standard output, or what went wrong.
    #[serde(default)]
    pub(super) result: Option<String>,
    /// `None` for a test that was not run.
    #[serde(default)]
    pub(super) exec_outcome: Option<String>,
    /// Processor seconds.
    #[serde(default)]
    pub(super) time_consumed: Option<f64>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    data: Option<Vec<Answer>>,
    #[serde(default)]
    error: Option<String>,
}

/// A runtime of the server's.
#[derive(Deserialize)]
struct Runtime {
    runtime_name: String,
}

/// What came of a job.
#[derive(Debug, PartialEq)]
pub(super) enum Judged {
    /// One answer per test, in order.
    Tests(Vec<Answer>),
    /// The one answer for a text that the server could not compile.
    NotCompiled(String),
}

/// Reads the answer to a job with these tests.
pub(super) fn judged(body: &[u8], tests: &[UnitTest<'_>]) -> Result<Judged, Fault> {
    let reply: Reply = parse(body)?;
    let Some(answers) = reply.data else {
        return Err(match reply.error {
            Some(error) => Fault::Refused(error),
            None => Fault::Answer("neither data nor an error in it".to_owned()),
        });
    };
    if let [only] = &answers[..]
        && only.exec_outcome.as_deref() == Some("COMPILATION_ERROR")
    {
        return Ok(Judged::NotCompiled(only.result.clone().unwrap_or_default()));
    }
    if answers.len() != tests.len() {
        return Err(Fault::Answer(format!("{} results for {} tests", answers.len(), tests.len())));
    }
    // The server turns line ends of other systems into its own.
    let plain = |text: &str| text.replace("\r\n", "\n");
    if let Some(at) = (0..tests.len()).find(|&at| plain(&answers[at].input) != plain(tests[at].input)) {
        return Err(Fault::Answer(format!("result {} is for another test", at + 1)));
    }
    Ok(Judged::Tests(answers))
}

/// The names of the server's runtimes.
pub(super) fn runtimes(body: &[u8]) -> Result<Vec<String>, Fault> {
    let runtimes: Vec<Runtime> = parse(body)?;
    Ok(runtimes.into_iter().map(|runtime| runtime.runtime_name).collect())
}

/// The reason in the body of an answer that says that the request was wrong.
pub(super) fn refusal(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Reply>(body).ok()?.error
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        Fault::Answer(format!("{error}, in {start:?}"))
    })
}
