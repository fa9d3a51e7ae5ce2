//! Text for a terminal: model-written text must not be able to move its cursor, and pipes may close.

use std::io::Write as _;

use crate::exit::Failure;

/// Control characters other than newline and tab become visible escapes.
pub(crate) fn visible(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Writes data to standard output. A reader that went away ends the output quietly.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// One line on standard error.
#[expect(clippy::print_stderr, reason = "progress goes to standard error")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}
