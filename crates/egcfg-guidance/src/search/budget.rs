//! How much a search may spend.

use std::time::{Duration, Instant};

/// When best-of-N stops drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// After this many samples.
    Samples(usize),
    /// As soon as this many tokens were generated; the sample that crosses the line still counts, in best-of-N's favour.
    Tokens(usize),
}

/// Limits of a search; it ends at the first that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Generated tokens at most. A program that would cross the line is cut there, unless [`Limits::whole`].
    pub tokens: Option<usize>,
    /// Programs at most.
    pub programs: Option<usize>,
    /// Time after which no further program is begun.
    pub time: Option<Duration>,
    /// The program that crosses the line is written to its end.
    pub whole: bool,
}

impl Limits {
    /// The same limits with a share of the tokens and programs; time is not divided.
    pub(super) fn shared(self, share: f64) -> Self {
        let part = |most: usize| ((most as f64 * share.clamp(0.0, 1.0)).round() as usize).max(1);
        Self { tokens: self.tokens.map(part), programs: self.programs.map(part), ..self }
    }
}

/// What is left of the limits.
pub(super) struct Purse {
    limits: Limits,
    started: Instant,
    programs: usize,
    tokens: usize,
}

impl Purse {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, started: Instant::now(), programs: 0, tokens: 0 }
    }

    /// Goes on under other limits; what was spent stays spent.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    pub(super) fn spend(&mut self, programs: usize, tokens: usize) {
        self.programs += programs;
        self.tokens += tokens;
    }

    fn tokens_left(&self) -> usize {
        self.limits.tokens.map_or(usize::MAX, |most| most.saturating_sub(self.tokens))
    }

    /// How many programs may be begun together, at most `width`: as many as the tokens that are left would finish, going by the
    /// mean so far. 0 ends the search. At least one program is always written.
    pub(super) fn width(&self, width: usize) -> usize {
        let mut most = width.max(1);
        if let Some(programs) = self.limits.programs {
            most = most.min(programs.max(1).saturating_sub(self.programs));
        }
        if self.programs == 0 {
            return most;
        }
        if self.tokens_left() == 0 || self.limits.time.is_some_and(|time| self.started.elapsed() >= time) {
            return 0;
        }
        let mean = (self.tokens / self.programs).max(1);
        most.min((self.tokens_left() / mean).max(1))
    }

    /// Tokens that each of `width` programs may take.
    pub(super) fn each(&self, width: usize) -> usize {
        let whole = self.limits.whole || self.limits.tokens.is_none();
        if whole { usize::MAX } else { (self.tokens_left() / width.max(1)).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purse_ends_where_its_limits_do() {
        let mut purse = Purse::new(Limits { tokens: Some(100), ..Limits::default() });
        assert_eq!((purse.width(4), purse.each(4)), (4, 25));
        purse.spend(4, 60);
        // Mean 15, 40 left: two whole programs.
        assert_eq!((purse.width(4), purse.each(2)), (2, 20));
        purse.spend(2, 40);
        assert_eq!(purse.width(4), 0);
        let mut purse = Purse::new(Limits { programs: Some(3), ..Limits::default() });
        assert_eq!((purse.width(8), purse.each(3)), (3, usize::MAX));
        purse.spend(3, 500);
        assert_eq!(purse.width(8), 0);
        let mut purse = Purse::new(Limits { time: Some(Duration::ZERO), ..Limits::default() });
        assert_eq!(purse.width(2), 2);
        purse.spend(1, 1);
        assert_eq!(purse.width(2), 0);
    }
}
