//! Who has the last word on a program: the sandbox that also ran it on the way, or an ExecEval server. A server grades and
//! does nothing else; candidates, traces and the choice by shown tests stay with the sandbox, which alone can trace.

use egcfg_guidance::ExecutorError;
use egcfg_task::{Task, Test, TestResult};
use futures::future::BoxFuture;

/// What results say where no other grader was asked for.
pub(crate) const SANDBOX: &str = "sandbox";

/// A judge of finished programs that is not the sandbox.
pub trait Grader: Send + Sync {
    /// The name in results, such as `exec_eval`.
    fn name(&self) -> &'static str;

    /// Judges a program by the task's graded tests; one result per test, in order. What keeps the grader from judging is an
    /// error or a verdict that is not scored, never a wrong answer.
    fn grade<'a>(
        &'a self,
        task: &'a Task,
        program: &'a str,
        tests: &'a [Test],
    ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>>;
}

#[cfg(feature = "exec_eval")]
pub use remote::ExecEvalGrader;

#[cfg(feature = "exec_eval")]
mod remote {
    use egcfg_sandbox::remote::ExecEval;
    use egcfg_sandbox::{Limits, SandboxError};
    use egcfg_task::Form;

    use super::{BoxFuture, ExecutorError, Grader, Task, Test, TestResult};
    use egcfg_grade::program;

    /// Where a server listens when nobody says otherwise.
    const PORT: u16 = 5000;

    /// An ExecEval server as the grader of stdin/stdout tasks.
    #[derive(Debug, Clone)]
    pub struct ExecEvalGrader {
        server: ExecEval,
    }

    impl ExecEvalGrader {
        /// A client of the server at `HOST:PORT` (the port is 5000 where there is none), which gets these limits along.
        pub fn new(address: &str, limits: Limits) -> Result<Self, SandboxError> {
            let bad = |port: &str| SandboxError::Option {
                field: "exec_eval",
                reason: format!("{address}: '{port}' is no port (hint: HOST:PORT, such as 127.0.0.1:5000)"),
            };
            let (host, port) = match address.rsplit_once(':') {
                // What follows the colon of `http://` is a host.
                Some((host, port)) if !port.starts_with("//") => (host, port.parse().map_err(|_| bad(port))?),
                _ => (address, PORT),
            };
            Ok(Self { server: ExecEval::new(host, port, limits)? })
        }

        /// Asks the server whether it is there and has Python.
        pub async fn check(&self) -> Result<(), SandboxError> {
            self.server.check().await
        }

        /// Why it cannot grade one of these tasks, with the task's id; `None` where it can grade all.
        pub fn refuses(tasks: &[Task]) -> Option<String> {
            tasks.iter().find_map(|task| {
                let other = |test: &Test| match test {
                    Test::Assert(_) => Some("has assert tests"),
                    Test::Stdio { stdin, .. } if !stdin.is_ascii() => {
                        Some("has a standard input that is not ASCII")
                    }
                    Test::Stdio { .. } => None,
                };
                let why = match task.form {
                    Form::Asserts => Some("has assert tests"),
                    Form::Stdio => task.grading_tests().iter().find_map(other),
                };
                why.map(|why| format!("task {} {why}", task.id))
            })
        }
    }

    impl Grader for ExecEvalGrader {
        fn name(&self) -> &'static str {
            "exec_eval"
        }

        fn grade<'a>(
            &'a self,
            task: &'a Task,
            source: &'a str,
            tests: &'a [Test],
        ) -> BoxFuture<'a, Result<Vec<TestResult>, ExecutorError>> {
            Box::pin(async move {
                let judged = self.server.judge(&program(task, source), tests).await;
                judged.map_err(|error| ExecutorError(error.to_string()))
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn addresses_have_a_host_and_perhaps_a_port() {
            for (address, expected) in [
                ("127.0.0.1:7001", "http://127.0.0.1:7001"),
                ("judge.example", "http://judge.example:5000"),
                ("::1:5000", "http://[::1]:5000"),
                ("[::1]:5000", "http://[::1]:5000"),
                ("https://judge.example:443", "https://judge.example:443"),
                ("http://judge.example", "http://judge.example:5000"),
            ] {
                let grader = ExecEvalGrader::new(address, Limits::default()).unwrap();
                assert!(format!("{grader:?}").contains(&format!("{expected:?}")), "{address}: {grader:?}");
            }
            for address in ["", ":5000", "host:", "host:port", "host:65536", "a b:5000"] {
                let refused = ExecEvalGrader::new(address, Limits::default());
                assert!(refused.is_err(), "{address}");
            }
        }
    }
}
