//! Whether printed text is right, by the rule of its test, and if not, the one difference that matters: where it is, what was
//! expected, what came, and what kind of difference it is (white space, case, order, size of a number).

use std::fmt::Write as _;

use egcfg_task::Compare;

use crate::judge::shown::{pair, show};
use crate::judge::tokens::{by_tokens, code_contests, kind, same, unless, within};

/// The first difference, in words; `None` where the output is right.
pub(crate) fn difference(rule: Compare, expected: &str, got: &str) -> Option<String> {
    match rule {
        Compare::Exact => by_lines(expected, got),
        Compare::Tokens { ignore_case } => {
            let split = str::split_whitespace;
            by_tokens(split(expected), split(got), |expected, got| unless(same(expected, got, ignore_case)))
        }
        Compare::Numbers { tolerance, ignore_case } => {
            let split = str::split_whitespace;
            by_tokens(split(expected), split(got), |expected, got| {
                within(expected, got, tolerance.value(), ignore_case)
            })
        }
        Compare::Codecontests => code_contests(expected, got),
    }
}

/// Lines, after trimming trailing white space of each and of the whole.
fn by_lines(expected: &str, got: &str) -> Option<String> {
    let (mut left, mut right) = (expected.trim_end().lines(), got.trim_end().lines());
    for number in 1.. {
        let (wanted, came) = match (left.next(), right.next()) {
            (None, None) => return None,
            (wanted, came) => (wanted.map(str::trim_end), came.map(str::trim_end)),
        };
        if wanted == came {
            continue;
        }
        let mut text = format!("line {number}: ");
        match (wanted, came) {
            (Some(wanted), Some(came)) => {
                let (wanted_shown, came_shown) = pair(wanted, came);
                let _ = write!(text, "expected {wanted_shown}, got {came_shown}");
                text.push_str(kind(wanted, came));
            }
            (Some(wanted), None) => {
                let _ = write!(text, "expected {}, got nothing", show(wanted));
            }
            (None, Some(came)) => {
                let _ = write!(text, "expected nothing, got {}", show(came));
            }
            (None, None) => return None,
        }
        text.push_str(whole(expected, got));
        return Some(text);
    }
    None
}

/// What is true of the two texts as wholes.
fn whole(expected: &str, got: &str) -> &'static str {
    // Sorting is only worth it for what a person would look through.
    const LARGE: usize = 1 << 20;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
        lines.sort_unstable();
        lines
    };
    if expected.len() + got.len() < LARGE && sorted(expected) == sorted(got) {
        "; the same lines stand in another order"
    } else if expected.split_whitespace().eq(got.split_whitespace()) {
        "; the whole output differs in white space only"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use egcfg_task::{Compare, Tolerance};

    use super::difference;

    fn numbers(tolerance: f64) -> Compare {
        Compare::Numbers { tolerance: Tolerance::new(tolerance).unwrap(), ignore_case: false }
    }

    #[test]
    fn trailing_white_space_does_not_count_by_default() {
        assert_eq!(difference(Compare::Exact, "1 \n2\n\n", "1\n2  "), None);
        assert_eq!(difference(Compare::Exact, "", "\n \n"), None);
        assert_eq!(difference(Compare::Exact, "a\r\nb\r\n", "a\nb"), None);
    }

    #[test]
    fn the_first_line_that_differs_is_named_and_so_is_how() {
        for (expected, got, message) in [
            ("1\n2", "1\n3", "line 2: expected \"2\", got \"3\""),
            ("1\n2", "1", "line 2: expected \"2\", got nothing"),
            ("1", "1\n2", "line 2: expected nothing, got \"2\""),
            (
                "1 2 3",
                "1  2 3",
                "line 1: expected \"1 2 3\", got \"1  2 3\" (only white space differs); the whole output differs in white space only",
            ),
            ("YES", "Yes", "line 1: expected \"YES\", got \"Yes\" (only case differs)"),
            (
                "YES\nNO\nYES\n",
                "NO\nYES\nYES\n",
                "line 1: expected \"YES\", got \"NO\"; the same lines stand in another order",
            ),
            (
                "a b",
                "a\u{a0}b",
                "line 1: expected \"a b\", got \"a\\u{a0}b\" (only white space differs); the whole output differs in white space only",
            ),
            ("ab", "a\u{200b}b", "line 1: expected \"ab\", got \"a\\u{200b}b\""),
        ] {
            assert_eq!(difference(Compare::Exact, expected, got).unwrap(), message);
        }
        let long = format!("{}x", "7".repeat(300));
        let message = difference(Compare::Exact, &long, &long.replace('x', "y")).unwrap();
        assert!(message.ends_with("7y\" (from character 301)") && message.len() < 300, "{message}");
    }

    #[test]
    fn tokens_stand_anywhere() {
        let tokens = |ignore_case| Compare::Tokens { ignore_case };
        assert_eq!(difference(tokens(false), "1 2\n3\n", "\n1\t2 3"), None);
        assert_eq!(difference(tokens(true), "YES", "yes"), None);
        for (expected, got, message) in [
            ("YES", "yes", "token 1: expected \"YES\", got \"yes\" (only case differs)"),
            ("1 2 3", "1", "token 2: expected \"2\", got nothing (3 tokens expected, 1 printed)"),
            ("1", "1 2 3", "token 2: expected nothing, got \"2\" (1 tokens expected, 3 printed)"),
            // No number is looked for.
            ("3.0", "3", "token 1: expected \"3.0\", got \"3\""),
            // Another order is another output.
            ("1 2", "2 1", "token 1: expected \"1\", got \"2\""),
        ] {
            assert_eq!(difference(tokens(false), expected, got).unwrap(), message);
        }
    }

    #[test]
    fn numbers_may_differ_by_the_tolerance_and_integers_by_nothing() {
        for (expected, got) in [
            ("0.333333333333", "0.333333"),
            ("3.0", "3"),
            ("1e3", "1000.0"),
            ("-0", "0"),
            ("007", "7"),
            ("+5", "5"),
            ("nan", "NaN"),
            ("inf", "inf"),
            ("0.1", "0.100001"),
            ("a 1.0 b", "a\n1\nb"),
        ] {
            assert_eq!(difference(numbers(1e-6), expected, got), None, "{expected} {got}");
        }
        for (expected, got) in [
            ("0.1", "0.10001"),
            ("10000000000000000", "10000000000000001"),
            ("100000000000000000000", "100000000000000000001"),
            ("inf", "-inf"),
            ("nan", "0"),
            ("1", "x"),
            ("1", "1_0"),
            ("0x10", "16"),
            ("1", "1 1"),
            ("Yes", "yes"),
        ] {
            assert!(difference(numbers(1e-6), expected, got).is_some(), "{expected} {got}");
        }
        assert_eq!(
            difference(numbers(1e-6), "2 0.5", "2 0.75").unwrap(),
            "token 2: expected \"0.5\", got \"0.75\" (they differ by 2.500e-1, 1e-6 is allowed)"
        );
    }

    /// Values from the rule's source: separators, ASCII case, doubles within less than 1e-5, integers as doubles too.
    #[test]
    fn codecontests_has_its_own_rule() {
        for (expected, got) in [
            ("0.33333333333\n", "0.333333"),
            ("ZERO", "Zero"),
            ("1\n2\n", "1  2"),
            ("1\u{b}2", "1 2"),
            ("9007199254740993", "9007199254740992"),
            ("1.000009", "1"),
            ("nan x", "NaN X"),
            ("Infinity", "infinity"),
            ("", " \n"),
        ] {
            assert_eq!(difference(Compare::Codecontests, expected, got), None, "{expected} {got}");
        }
        for (expected, got) in [
            ("1.00001", "1"),
            ("1 2", "1\u{c}2"),
            ("inf", "infinity"),
            ("nan 0.5", "nan 0.500001"),
            ("YES NO", "NO YES"),
            ("1", ""),
            ("1 2", "1 2 3"),
            ("Ä", "ä"),
        ] {
            assert!(difference(Compare::Codecontests, expected, got).is_some(), "{expected} {got}");
        }
    }
}
