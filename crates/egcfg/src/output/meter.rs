//! How far long work is: a bar with rate and time left where standard error is a terminal, elsewhere a line every few seconds.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::terminal;
use crate::output::text::{note, visible};

/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

/// What the work's steps are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steps {
    /// Things of one kind, such as samples.
    Things,
    /// Bytes of a file.
    Bytes,
}

/// Progress of one piece of work. It leaves the screen when it is dropped.
pub(crate) struct Meter {
    what: String,
    steps: Steps,
    /// Nothing where lines are written instead.
    bar: Option<ProgressBar>,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: u64,
    total: u64,
    /// What was done before this work began.
    before: u64,
    extra: String,
    told: Option<(Instant, u64)>,
}

impl Meter {
    /// Begins; `what` names the steps, such as `samples`. The total may be 0 until it is known.
    pub(crate) fn new(what: &str, steps: Steps, total: u64) -> Self {
        let bar = terminal::draws().then(|| {
            let bar = terminal::add(ProgressBar::new(total).with_style(style(steps)));
            bar.set_prefix(visible(what).into_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let state = Mutex::new(State { total, ..State::default() });
        Self { what: what.to_owned(), steps, bar, began: Instant::now(), state }
    }

    /// So many steps were done before this work began; they count for no rate.
    pub(crate) fn begin_at(&self, done: u64, total: u64) {
        {
            let mut state = self.state();
            (state.before, state.done, state.total) = (done, done, total);
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.reset_eta();
        }
    }

    /// So many steps are done, of so many.
    pub(crate) fn at(&self, done: u64, total: u64) {
        {
            let mut state = self.state();
            (state.done, state.total) = (done, total);
        }
        match &self.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            None => self.tell(PAUSE),
        }
    }

    /// One more step is done.
    pub(crate) fn step(&self) {
        let (done, total) = {
            let state = self.state();
            (state.done + 1, state.total)
        };
        self.at(done, total);
    }

    /// What else there is to say, behind the numbers.
    pub(crate) fn say(&self, extra: &str) {
        extra.clone_into(&mut self.state().extra);
        if let Some(bar) = &self.bar {
            let comma = if extra.is_empty() { "" } else { ", " };
            bar.set_message(format!("{comma}{}", visible(extra)));
        }
    }

    /// The end, with a last line where lines are written.
    pub(crate) fn end(self) {
        if self.bar.is_none() {
            self.tell(Duration::ZERO);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line, unless one was written a short while ago or nothing happened since.
    fn tell(&self, pause: Duration) {
        let mut state = self.state();
        let since = state.told.map_or(self.began, |(at, _)| at);
        if since.elapsed() < pause || state.told.is_some_and(|(_, done)| done == state.done) {
            return;
        }
        state.told = Some((Instant::now(), state.done));
        note(&line(&self.what, self.steps, &state, self.began.elapsed()));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(steps: Steps) -> ProgressStyle {
    let numbers = match steps {
        Steps::Things => "{pos}/{len}, {per_sec:.2}",
        Steps::Bytes => "{binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec}",
    };
    let template = format!("{{prefix}} [{{bar:24}}] {numbers}, {{eta}} left{{msg}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

/// The plain form of the same.
fn line(what: &str, steps: Steps, state: &State, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = state.done.saturating_sub(state.before) as f64 / seconds;
    let left = state.total.saturating_sub(state.done) as f64;
    let (numbers, per) = match steps {
        Steps::Things => (format!("{} of {}", state.done, state.total), format!("{rate:.2}/s")),
        Steps::Bytes if state.total == 0 => {
            (format!("{} MiB", state.done >> 20), format!("{:.1} MiB/s", rate / f64::from(1 << 20)))
        }
        Steps::Bytes => (
            format!("{} of {} MiB", state.done >> 20, state.total.div_ceil(1 << 20)),
            format!("{:.1} MiB/s", rate / f64::from(1 << 20)),
        ),
    };
    let mut text = format!("{what}: {numbers} in {seconds:.1} s, {per}");
    if left > 0.0 && rate > 0.0 {
        let _ = write!(text, ", about {} left", time(left / rate));
    }
    if !state.extra.is_empty() {
        let _ = write!(text, ", {}", state.extra);
    }
    text
}

/// A span of time in its two largest units.
fn time(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_leave_out_what_was_done_before() {
        let state = State { done: 30, total: 90, before: 20, extra: "3 passed".into(), told: None };
        let text = line("units", Steps::Things, &state, Duration::from_secs(5));
        assert_eq!(text, "units: 30 of 90 in 5.0 s, 2.00/s, about 30 s left, 3 passed");
        let whole = State { done: 3 << 20, total: 3 << 20, ..State::default() };
        let text = line("model.gguf", Steps::Bytes, &whole, Duration::from_secs(2));
        assert_eq!(text, "model.gguf: 3 of 3 MiB in 2.0 s, 1.5 MiB/s");
        assert_eq!([time(59.2), time(61.0), time(7300.0)], ["1 min 0 s", "1 min 1 s", "2 h 1 min"]);
    }
}
