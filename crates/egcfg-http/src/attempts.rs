//! [`Attempts`]: one request and its repetitions. Pauses double and vary, so that clients which failed together do not come
//! back together; a server's own wish (`Retry-After`) counts where it has one. Where nobody takes the connection, and nobody
//! ever has, a second of trying is enough: more patience brings nothing but silence.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use thiserror::Error;

use crate::FIRST_CONTACT;

/// Longest pause that is the client's own choice.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How patient a client is with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The pause before the first repetition, up to twice as long by chance; it doubles with each further one.
    pub pause: Duration,
    /// Repetitions after the first attempt.
    pub repetitions: u32,
    /// Time from the first attempt, or from the last that brought something, after which no further one begins.
    pub deadline: Duration,
}

/// How an attempt failed that another one may mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// In words.
    pub reason: String,
    /// How long the server asks to wait.
    pub after: Option<Duration>,
    /// Nobody took the connection.
    pub nobody: bool,
}

impl Passing {
    /// A failure without any wish of the server's.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), after: None, nobody: false }
    }

    /// Nobody took the connection.
    pub fn nobody(reason: impl Into<String>) -> Self {
        Self { nobody: true, ..Self::new(reason) }
    }
}

/// Why no further attempt is made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GivenUp {
    /// Nobody is there.
    #[error(
        "no connection to {server} ({reason}), tried {tried} times in {seconds:.1} s; is the server running, and is this its \
         address and port?"
    )]
    Nobody {
        /// The server's address.
        server: String,
        /// The last failure.
        reason: String,
        /// Attempts.
        tried: u32,
        /// How long they took.
        seconds: f64,
    },
    /// All attempts are used up.
    #[error("{reason}; gave up after {tried} attempts")]
    Attempts {
        /// The last failure.
        reason: String,
        /// Attempts.
        tried: u32,
    },
    /// The next attempt would begin too late.
    #[error("{reason}{asked}; the deadline of {seconds:.0} s leaves no time for another attempt")]
    Deadline {
        /// The last failure.
        reason: String,
        /// What the server asks for, as the end of a sentence.
        asked: String,
        /// The deadline.
        seconds: f64,
    },
}

/// A request's attempts so far.
#[derive(Debug)]
pub struct Attempts {
    server: String,
    patience: Patience,
    pauses: ExponentialBackoff,
    begun: Instant,
    failed: u32,
    /// Somebody was there.
    answered: bool,
}

impl Attempts {
    /// Begins; `server` is what messages call it.
    pub fn new(server: &str, patience: Patience) -> Self {
        let (pauses, begun) = (pauses(patience), Instant::now());
        Self { server: server.to_owned(), patience, pauses, begun, failed: 0, answered: false }
    }

    /// Attempts that failed.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// Time that is left for attempts.
    pub fn left(&self) -> Duration {
        self.patience.deadline.saturating_sub(self.begun.elapsed())
    }

    /// An attempt failed, but brought something new: counting begins again.
    pub fn progressed(&mut self) {
        (self.pauses, self.begun, self.failed) = (pauses(self.patience), Instant::now(), 0);
        self.answered = true;
    }

    /// The pause before the next attempt after one that failed, or why there is none. `known`: the server has answered before,
    /// in another request.
    pub fn next(&mut self, fault: &Passing, known: bool) -> Result<Duration, GivenUp> {
        self.failed += 1;
        self.answered |= known || !fault.nobody;
        let (reason, tried) = (fault.reason.clone(), self.failed);
        if !self.answered && self.begun.elapsed() >= FIRST_CONTACT / 2 {
            let seconds = self.begun.elapsed().as_secs_f64();
            return Err(GivenUp::Nobody { server: self.server.clone(), reason, tried, seconds });
        }
        if tried > self.patience.repetitions {
            return Err(GivenUp::Attempts { reason, tried });
        }
        let own = self.pauses.next().unwrap_or(LONGEST_PAUSE);
        let pause = fault.after.map_or(own, |after| after.max(own.min(Duration::from_secs(1))));
        if pause >= self.left() {
            let wish = |after: Duration| format!(", and asks to wait {:.0} s", after.as_secs_f64());
            let asked = fault.after.map_or(String::new(), wish);
            return Err(GivenUp::Deadline { reason, asked, seconds: self.patience.deadline.as_secs_f64() });
        }
        Ok(pause)
    }
}

fn pauses(patience: Patience) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(patience.pause)
        .with_max_delay(LONGEST_PAUSE)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const PATIENCE: Patience =
        Patience { pause: Duration::from_millis(100), repetitions: 20, deadline: HOUR };

    #[test]
    fn pauses_double_within_their_jitter_and_stay_bounded() {
        let mut attempts = Attempts::new("s", PATIENCE);
        for number in 0..20 {
            let least = PATIENCE.pause.saturating_mul(1 << number.min(16)).min(LONGEST_PAUSE);
            let pause = attempts.next(&Passing::new("x"), true).unwrap();
            assert!(pause >= least && pause <= 2 * least, "{number}: {pause:?}");
        }
        let end = attempts.next(&Passing::new("x"), true).unwrap_err();
        assert_eq!(end.to_string(), "x; gave up after 21 attempts");
        attempts.progressed();
        assert!(attempts.next(&Passing::new("x"), true).is_ok_and(|pause| pause <= 2 * PATIENCE.pause));
    }

    #[test]
    fn a_servers_wish_counts_within_the_deadline() {
        let asks = |seconds| Passing { after: Some(Duration::from_secs(seconds)), ..Passing::new("busy") };
        let mut attempts = Attempts::new("s", PATIENCE);
        assert_eq!(attempts.next(&asks(7), true), Ok(Duration::from_secs(7)));
        let text = attempts.next(&asks(7200), true).unwrap_err().to_string();
        assert_eq!(
            text,
            "busy, and asks to wait 7200 s; the deadline of 3600 s leaves no time for another attempt"
        );
    }

    #[test]
    fn nobody_is_not_waited_for_unless_somebody_was_there() {
        let late = || {
            let mut attempts = Attempts::new("http://h:1", PATIENCE);
            // However long the machine takes to get here.
            attempts.begun = Instant::now() + Duration::from_secs(600);
            // At once it is tried again.
            assert!(attempts.next(&Passing::nobody("refused"), false).is_ok());
            attempts.begun = Instant::now().checked_sub(FIRST_CONTACT).unwrap();
            attempts
        };
        let nobody = Passing::nobody("refused");
        let text = late().next(&nobody, false).unwrap_err().to_string();
        assert!(text.starts_with("no connection to http://h:1 (refused), tried 2 times in "), "{text}");
        assert!(late().next(&nobody, true).is_ok());
        let mut attempts = late();
        assert!(attempts.next(&Passing::new("status 503"), false).is_ok());
        assert!(attempts.next(&nobody, false).is_ok());
    }
}
