//! Printed text compared token by token: as texts, as numbers within a tolerance, by the rule of CodeContests.

use crate::judge::shown::{pair, show};

/// What kind of difference lies between two lines or tokens, as far as it is one that the eye does not see at once.
pub(crate) fn kind(expected: &str, got: &str) -> &'static str {
    if expected.split_whitespace().eq(got.split_whitespace()) {
        " (only white space differs)"
    } else if expected.to_lowercase() == got.to_lowercase() {
        " (only case differs)"
    } else {
        ""
    }
}

/// Tokens one by one; `differs` tells of a pair that is not right, with a remark or an empty text.
pub(crate) fn by_tokens<'a>(
    mut expected: impl Iterator<Item = &'a str>,
    mut got: impl Iterator<Item = &'a str>,
    differs: impl Fn(&str, &str) -> Option<String>,
) -> Option<String> {
    for number in 1.. {
        match (expected.next(), got.next()) {
            (None, None) => return None,
            (Some(wanted), None) => {
                let count = number + expected.count();
                let had = number - 1;
                return Some(format!(
                    "token {number}: expected {}, got nothing ({count} tokens expected, {had} printed)",
                    show(wanted)
                ));
            }
            (None, Some(came)) => {
                let count = number + got.count();
                let had = number - 1;
                return Some(format!(
                    "token {number}: expected nothing, got {} ({had} tokens expected, {count} printed)",
                    show(came)
                ));
            }
            (Some(wanted), Some(came)) => {
                if let Some(remark) = differs(wanted, came) {
                    let (wanted_shown, came_shown) = pair(wanted, came);
                    let remark = if remark.is_empty() { kind(wanted, came).to_owned() } else { remark };
                    return Some(format!(
                        "token {number}: expected {wanted_shown}, got {came_shown}{remark}"
                    ));
                }
            }
        }
    }
    None
}

/// Whether two tokens are the same text.
pub(crate) fn same(expected: &str, got: &str, ignore_case: bool) -> bool {
    if ignore_case { expected.eq_ignore_ascii_case(got) } else { expected == got }
}

/// No difference where a pair is right, one without a remark where it is not.
pub(crate) fn unless(right: bool) -> Option<String> {
    (!right).then(String::new)
}

/// No difference where two tokens are equal numbers, or the same text; integers are compared by their digits.
pub(crate) fn within(expected: &str, got: &str, tolerance: f64, ignore_case: bool) -> Option<String> {
    if same(expected, got, ignore_case) {
        return None;
    }
    if let (Some(expected), Some(got)) = (integer(expected), integer(got)) {
        return unless(expected == got);
    }
    let (Ok(wanted), Ok(came)) = (expected.parse::<f64>(), got.parse::<f64>()) else {
        return Some(String::new());
    };
    if !(wanted.is_finite() && came.is_finite()) {
        // Infinities are equal to themselves, and what is no number to what is none either.
        let like = (wanted.is_nan(), wanted.is_sign_negative()) == (came.is_nan(), came.is_sign_negative());
        return unless(like && wanted.is_finite() == came.is_finite() || wanted.is_nan() && came.is_nan());
    }
    let distance = (wanted - came).abs();
    // A decimal that is written at the very tolerance may lie a rounding error beyond it.
    let rounding = 4.0 * f64::EPSILON * wanted.abs().max(came.abs());
    (distance > tolerance + rounding).then(|| apart(distance, tolerance))
}

/// An integer's sign and digits, without what does not count.
fn integer(text: &str) -> Option<(bool, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some((negative && !digits.is_empty(), digits))
}

fn apart(distance: f64, tolerance: f64) -> String {
    if distance.is_finite() {
        format!(" (they differ by {distance:.3e}, {tolerance:e} is allowed)")
    } else {
        String::new()
    }
}

/// The rule of CodeContests' own tester: these separators and no others, ASCII letters lowered, equal lists are right, and
/// else each pair must be equal texts or two numbers whose difference as doubles is below the limit. (So `nan` equals
/// `nan` only where no other token needs the tolerance.)
pub(crate) fn code_contests(expected: &str, got: &str) -> Option<String> {
    const LIMIT: f64 = 1e-5;
    let tokens = contest_tokens;
    let all_equal = {
        let (mut left, mut right) = (tokens(expected), tokens(got));
        loop {
            match (left.next(), right.next()) {
                (None, None) => break true,
                (Some(left), Some(right)) if left.eq_ignore_ascii_case(right) => {}
                _ => break false,
            }
        }
    };
    if all_equal {
        return None;
    }
    by_tokens(tokens(expected), tokens(got), |expected, got| {
        match (expected.parse::<f64>(), got.parse::<f64>()) {
            (Ok(wanted), Ok(came)) => {
                let distance = (wanted - came).abs();
                // A difference that is no number is not below the limit.
                (distance >= LIMIT || distance.is_nan()).then(|| apart(distance, LIMIT))
            }
            _ => unless(expected.eq_ignore_ascii_case(got)),
        }
    })
}

fn contest_tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\n', '\t', '\r', '\u{b}']).filter(|token| !token.is_empty())
}
