//! Asking a program a question: it has a limited time for a limited answer, and does not outlive either.

use std::io::{Error, ErrorKind, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How long an interpreter may take to say what it is. Slow disks take seconds; one that takes this long is of no use.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Longest answer in bytes.
const MOST: u64 = 1 << 20;

/// Starts a command, and gives its status and its output, or an error of the kind `TimedOut`.
pub fn ask(command: &mut Command) -> std::io::Result<Output> {
    ask_within(command, PATIENCE)
}

fn ask_within(command: &mut Command, patience: Duration) -> std::io::Result<Output> {
    let over = Instant::now() + patience;
    let late =
        || Error::new(ErrorKind::TimedOut, format!("it did not answer within {} s", patience.as_secs_f64()));
    // A group of its own, so that what it starts ends with it.
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (tell, told) = mpsc::channel();
    for (place, stream) in [(0, child.stdout.take().map(boxed)), (1, child.stderr.take().map(boxed))] {
        let tell = tell.clone();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(stream) = stream {
                // What cannot be read is an answer that ends there.
                let _ = stream.take(MOST).read_to_end(&mut text);
            }
            let _ = tell.send((place, text));
        });
    }
    let mut texts = [Vec::new(), Vec::new()];
    let mut answered = Ok(());
    for _ in 0..2 {
        match told.recv_timeout(over.saturating_duration_since(Instant::now())) {
            Ok((place, text)) => texts[place] = text,
            Err(_) => answered = Err(late()),
        }
    }
    // Both ends are closed: it ends now or hangs without a word.
    let mut status = child.try_wait()?;
    while answered.is_ok() && status.is_none() {
        if Instant::now() >= over {
            answered = Err(late());
        }
        std::thread::sleep(Duration::from_millis(2));
        status = child.try_wait()?;
    }
    if let Some(group) = group {
        // Where nothing is left of the group there is nothing to end.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    let [stdout, stderr] = texts;
    answered.map(|()| Output { status, stdout, stderr })
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_answer_comes_with_its_status() {
        let output = ask(&mut shell("echo yes; echo no >&2; exit 3")).unwrap();
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (b"yes\n".as_slice(), b"no\n".as_slice())
        );
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn whoever_does_not_answer_is_ended_with_all_that_it_started() {
        for script in ["sleep 600", "sleep 600 & exec sleep 600", "exec >&- 2>&-; sleep 600"] {
            let error = ask_within(&mut shell(script), Duration::from_millis(300)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{script}");
        }
        // An answer without end is cut, and its writer ended.
        let output = ask(&mut shell("yes")).unwrap();
        assert_eq!(output.stdout.len() as u64, MOST);
    }
}
