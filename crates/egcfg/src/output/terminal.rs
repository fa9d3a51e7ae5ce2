//! The bars on standard error, all in one place, so that lines written meanwhile do not run through them.

use std::sync::LazyLock;

use indicatif::{MultiProgress, ProgressBar};

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Adds a bar below those that are there; it is drawn only where standard error is a terminal that can redraw.
pub(crate) fn add(bar: ProgressBar) -> ProgressBar {
    BARS.add(bar)
}

/// Does something, such as writing a line, with the bars out of the way.
pub(crate) fn aside<T>(write: impl FnOnce() -> T) -> T {
    BARS.suspend(write)
}

/// Whether bars can be drawn: standard error is a terminal, and no dumb one.
pub(crate) fn draws() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && !BARS.is_hidden()
}

/// Columns of the terminal on standard error.
pub(crate) fn columns() -> usize {
    usize::from(console::Term::stderr().size().1).max(20)
}
