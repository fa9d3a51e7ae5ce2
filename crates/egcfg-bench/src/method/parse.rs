//! Reads what a model answered in words: sections, a confidence, a result, a list of tests, a plan. Models keep to a form
//! more or less, so all of it is forgiving; nothing here fails, what is not there is `None` or empty.

use egcfg_python::{PythonVersion, check, split_assert};

use super::feedback::cut;

/// Characters of words that are carried into a later message.
const WORDS: usize = 6000;
/// Bytes of one generated test.
const TEST: usize = 500;

/// An answer after its thinking, where a model thinks aloud between tags.
pub(super) fn visible(answer: &str) -> &str {
    ["</think>", "</thinking>", "</reasoning>"]
        .iter()
        .filter_map(|tag| answer.rfind(tag).map(|at| at + tag.len()))
        .max()
        .map_or(answer, |at| &answer[at..])
        .trim()
}

/// Words fit for a later message, `None` where nothing was said.
pub(super) fn words(answer: &str) -> Option<String> {
    let text = visible(answer);
    text.chars().any(char::is_alphanumeric).then(|| cut(text, WORDS))
}

/// A plan: words up to the first code block; a plan that is nothing but code is none.
pub(super) fn plan(answer: &str) -> Option<String> {
    let text = visible(answer);
    words(text.split("```").next().unwrap_or_default())
}

/// The sections of an answer, each of which begins with a line `WORD n` (in any case, behind any marks); all of the text
/// is one section where there is no such line.
pub(super) fn sections(answer: &str, word: &str, most: usize) -> Vec<String> {
    let (mut found, mut open): (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in visible(answer).lines() {
        if let Some(rest) = heading(line, word) {
            found.extend(open.replace(rest.to_owned()));
        } else if let Some(section) = &mut open {
            section.push('\n');
            section.push_str(line);
        }
    }
    found.extend(open);
    let mut found: Vec<String> = found.iter().filter_map(|section| words(section)).collect();
    if found.is_empty() {
        found.extend(words(answer));
    }
    found.truncate(most);
    found
}

/// What follows `WORD n` on a line that begins with it.
fn heading<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = after_word(line, word)?.trim_start_matches([' ', '#', '\t', '*', '_']);
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    (digits > 0).then(|| rest[digits..].trim_start_matches([':', '.', ')', ' ', '*', '_', '-']))
}

/// What follows `word` at the start of a text, whatever the case.
fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// What stands behind `WORD:` on a line.
fn label<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let rest = after_word(line, word)?.trim_start_matches(['*', '_', ' ', '`']);
    Some(rest.strip_prefix(':')?.trim_start_matches(['*', '_', ' ']))
}

/// The text after the last `WORD:` of an answer, up to the line's end.
fn labelled<'t>(answer: &'t str, word: &str) -> Option<&'t str> {
    answer.lines().rev().find_map(|line| label(line, word))
}

/// How sure an answer is, from 0 to 100: the number behind its label, else its last number that can be meant.
pub(super) fn confidence(answer: &str) -> Option<u8> {
    let text = visible(answer);
    let first = labelled(text, "confidence").and_then(|rest| numbers(rest).next());
    first.or_else(|| numbers(text).last())
}

/// The numbers of a text that can be a confidence: whole ones up to 100, and fractions of 1 (`0.85`).
fn numbers(text: &str) -> impl Iterator<Item = u8> + '_ {
    let parts = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|part| part.trim_matches('.'));
    parts.filter(|part| !part.is_empty()).filter_map(|part| {
        let number: f64 = part.parse().ok()?;
        let number = if part.contains('.') && number <= 1.0 { number * 100.0 } else { number };
        (0.0..=100.0).contains(&number).then(|| number.round() as u8)
    })
}

/// The value that a verification ends with.
pub(super) fn result(answer: &str) -> Option<String> {
    let text = visible(answer);
    let value = labelled(text, "result")?.trim().trim_matches('`').trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The printed text that a verification ends with: all lines from the last result on, without the marks of a code block.
pub(super) fn printed(answer: &str) -> Option<String> {
    let lines: Vec<&str> = visible(answer).lines().collect();
    let (at, first) =
        lines.iter().enumerate().rev().find_map(|(at, line)| Some((at, label(line, "result")?)))?;
    let below = lines[at + 1..].iter().copied().filter(|line| !line.trim_start().starts_with("```"));
    let text = std::iter::once(first.trim_matches('`')).chain(below).collect::<Vec<_>>().join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The tests of function `name` in an answer: single lines that are an assert about a call of it with an expected value.
pub(super) fn asserts(answer: &str, name: &str, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in visible(answer).lines() {
        let Some(at) = line.find("assert ") else { continue };
        let before = line[..at].trim();
        // A bullet or a number may stand before it, a sentence not.
        if before.chars().any(char::is_alphabetic) {
            continue;
        }
        let test = line[at..].trim().trim_end_matches('`').trim_end();
        let tested = || split_assert(test, Some(name)).is_some_and(|parts| parts.expected.is_some());
        if test.len() <= TEST && check(test, PythonVersion::default()).is_ok() && tested() {
            let test = test.to_owned();
            if !found.contains(&test) {
                found.push(test);
            }
        }
        if found.len() == most {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sections_are_found_behind_marks_and_without_them_the_text_is_one() {
        let answer = "Sure.\n## Problem 1: sums\nadd them\n**PROBLEM 2**\nmore\nproblem solving is fun\n";
        assert_eq!(sections(answer, "problem", 9), ["sums\nadd them", "more\nproblem solving is fun"]);
        assert_eq!(sections(answer, "problem", 1), ["sums\nadd them"]);
        assert_eq!(sections("no form at all", "problem", 3), ["no form at all"]);
        assert_eq!(sections(" \n**\n", "problem", 3), Vec::<String>::new());
    }

    #[test]
    fn confidence_is_read_in_many_forms() {
        for (answer, expected) in [
            ("CONFIDENCE: 85", Some(85)),
            ("3 tests were checked.\n**Confidence:** 70/100", Some(70)),
            ("Confidence: 0.9", Some(90)),
            ("I would say 60%.", Some(60)),
            ("- confidence : 100", Some(100)),
            ("Confidence: 1000, or rather 40", Some(40)),
            ("quite sure", None),
            ("<think>CONFIDENCE: 1</think>CONFIDENCE: 2", Some(2)),
        ] {
            assert_eq!(confidence(answer), expected, "{answer}");
        }
    }

    #[test]
    fn the_last_result_counts() {
        assert_eq!(result("RESULT: 3\nwait\n**Result:** `[1, 2]`\n").as_deref(), Some("[1, 2]"));
        assert_eq!(result("The result is 3"), None);
        assert_eq!(result("RESULT:"), None);
        assert_eq!(printed("Result: 1\nRESULT:\n```\n2 3\n4\n```").as_deref(), Some("2 3\n4"));
        assert_eq!((printed("RESULT: `5`").as_deref(), printed("RESULT:\n```\n```")), (Some("5"), None));
    }

    #[test]
    fn tests_of_the_function_are_kept_and_others_are_not() {
        let answer = "Here:\n1. `assert f(1) == 2`\nassert g(1) == 2\nassert f(2\nI assert f(3) == 4\n- assert f(1) == 2\nassert f([4]) == {'a': 5}\n";
        assert_eq!(asserts(answer, "f", 5), ["assert f(1) == 2", "assert f([4]) == {'a': 5}"]);
        assert_eq!(asserts(answer, "f", 1).len(), 1);
    }

    #[test]
    fn a_plan_is_words() {
        assert_eq!(plan("1. add\n```python\nx\n```").as_deref(), Some("1. add"));
        assert_eq!(plan("```python\nx\n```"), None);
        assert_eq!(plan("<think>hm</think>\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_fail(text in "(?s)(.|PROBLEM 1|confidence:|RESULT:|assert f\\(|</think>|```|\n|[0-9.%]){0,60}") {
            let found = sections(&text, "problem", 4);
            prop_assert!(found.len() <= 4 && found.iter().all(|s| s.chars().any(char::is_alphanumeric)));
            prop_assert!(confidence(&text).is_none_or(|c| c <= 100));
            prop_assert!(result(&text).is_none_or(|r| !r.is_empty() && !r.contains('\n')));
            prop_assert!(printed(&text).is_none_or(|p| !p.is_empty()));
            prop_assert!(asserts(&text, "f", 3).iter().all(|t| t.starts_with("assert ") && !t.contains('\n')));
            prop_assert!(plan(&text).is_none_or(|p| !p.contains("```")));
        }

        #[test]
        fn a_stated_confidence_is_read_back(number in 0_u8..=100, before in "[a-z \n]{0,30}", after in "[a-z ]{0,10}") {
            let answer = format!("{before}\nCONFIDENCE: {number} {after}");
            prop_assert_eq!(confidence(&answer), Some(number));
        }
    }
}
