//! Early stop: when all candidates of the plain stream, and as many of the guided one, collapse to one and the same
//! finished program over several refreshes in a row, that program is the answer.

/// Refreshes in a row over which both streams must agree.
const BOTH: u32 = 4;
/// Refreshes in a row over which one stream alone must agree.
const ALONE: u32 = 6;

/// A program and for how many refreshes in a row it was the only one.
#[derive(Debug, Clone, Default)]
struct Streak {
    program: Option<String>,
    length: u32,
}

impl Streak {
    fn update(&mut self, program: Option<&str>) -> u32 {
        match program {
            Some(program) if self.program.as_deref() == Some(program) => self.length += 1,
            Some(program) => *self = Self { program: Some(program.to_owned()), length: 1 },
            None => *self = Self::default(),
        }
        self.length
    }
}

/// The streaks of both streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreement {
    plain: Streak,
    guided: Streak,
    both: Streak,
}

impl Agreement {
    /// Takes the one finished program (normal form) on which each stream agreed at this refresh; `true` when that ends the
    /// generation.
    pub(crate) fn update(&mut self, plain: Option<&str>, guided: Option<&str>) -> bool {
        let same = plain.filter(|program| guided == Some(program));
        let both = self.both.update(same) >= BOTH;
        let plain = self.plain.update(plain) >= ALONE;
        let guided = self.guided.update(guided) >= ALONE;
        both || plain || guided
    }
}

/// The program that all of these are, if they are all the same finished one.
pub(crate) fn unanimous<'p>(programs: impl IntoIterator<Item = Option<&'p str>>) -> Option<&'p str> {
    let mut programs = programs.into_iter();
    let first = programs.next()??;
    programs.all(|program| program == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_need_four_refreshes_and_one_alone_six() {
        let mut both = Agreement::default();
        assert_eq!(
            (0..4).map(|_| both.update(Some("a"), Some("a"))).collect::<Vec<_>>(),
            [false, false, false, true]
        );
        let mut alone = Agreement::default();
        let ends: Vec<bool> = (0..6).map(|_| alone.update(Some("a"), Some("b"))).collect();
        assert_eq!(ends, [false, false, false, false, false, true]);
    }

    #[test]
    fn another_program_or_none_starts_again() {
        let mut agreement = Agreement::default();
        for program in ["a", "a", "a", "b", "b", "b"] {
            assert!(!agreement.update(Some(program), Some(program)));
        }
        assert!(!agreement.update(None, None));
        assert!(!agreement.update(Some("b"), Some("b")));
    }

    #[test]
    fn one_unfinished_program_breaks_unanimity() {
        assert_eq!(unanimous([Some("a"), Some("a")]), Some("a"));
        assert_eq!(unanimous([Some("a"), None]), None);
        assert_eq!(unanimous([Some("a"), Some("b")]), None);
        assert_eq!(unanimous([]), None);
    }
}
