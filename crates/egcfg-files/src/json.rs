//! JSON as it is found. A text is taken apart by its brackets and strings alone, so that what only Python's JSON knows
//! (integers of any size, `NaN`, `Infinity`) and any depth of nesting pass through; what a JSON parser would refuse for a
//! trifle is mended before it is parsed.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// The items of a JSON array, as raw texts; an error is a byte offset.
pub fn array_parts(text: &str) -> Result<Vec<&str>, usize> {
    let (parts, fault) = split(text.trim(), b'[', b']');
    fault.map_or(Ok(parts), Err)
}

/// The parts between the commas of one bracketed text, and the offset of what is wrong with it; parts before that are good.
/// Brackets are matched and strings skipped; what stands between them is left to whoever reads the part.
pub(crate) fn split(text: &str, open: u8, close: u8) -> (Vec<&str>, Option<usize>) {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&open) {
        return (Vec::new(), Some(0));
    }
    let (mut parts, mut stack, mut start, mut at) = (Vec::new(), vec![close], 1, 1);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => match string_end(bytes, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return (parts, Some(at)),
            },
            b'{' => stack.push(b'}'),
            b'[' => stack.push(b']'),
            byte @ (b'}' | b']') => {
                if stack.pop() != Some(byte) {
                    return (parts, Some(at));
                }
                if stack.is_empty() {
                    let last = text[start..at].trim();
                    if last.is_empty() {
                        if !parts.is_empty() {
                            return (parts, Some(at));
                        }
                    } else {
                        parts.push(last);
                    }
                    let rest = &text[at + 1..];
                    return (parts, (!rest.trim().is_empty()).then_some(at + 1));
                }
            }
            b',' if stack.len() == 1 => {
                let part = text[start..at].trim();
                if part.is_empty() {
                    return (parts, Some(at));
                }
                parts.push(part);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    (parts, Some(bytes.len()))
}

/// The offset behind the string that begins at `at`.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Parses a value, and where that fails parses what [`repaired`] makes of it.
pub(crate) fn parse<T: DeserializeOwned>(raw: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(raw).or_else(|error| match repaired(raw) {
        Cow::Owned(text) => serde_json::from_str(&text),
        Cow::Borrowed(_) => Err(error),
    })
}

/// JSON without what a strict parser refuses and others write: half of a surrogate pair becomes the replacement character (a
/// generation that was cut inside an emoji leaves one), `NaN` and infinities become `null`, a bare control character in a
/// string becomes its escape.
pub fn repaired(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    let mut text = String::new();
    let (mut at, mut kept, mut in_string) = (0, 0, false);
    let replace = |text: &mut String, kept: &mut usize, from: usize, to: usize, with: &str| {
        text.push_str(&raw[*kept..from]);
        text.push_str(with);
        *kept = to;
    };
    while at < bytes.len() {
        if !in_string {
            in_string = bytes[at] == b'"';
            let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| raw[at..].starts_with(word));
            match word {
                Some(word) => {
                    replace(&mut text, &mut kept, at, at + word.len(), "null");
                    at += word.len();
                }
                // Never within a character: the next step must stand at one's start.
                None => at += raw[at..].chars().next().map_or(1, char::len_utf8),
            }
            continue;
        }
        match bytes[at] {
            b'"' => in_string = false,
            b'\\' => {
                match surrogate(bytes, at) {
                    Some(high) if is_high(high) && surrogate(bytes, at + 6).is_some_and(is_low) => at += 12,
                    Some(_) => {
                        replace(&mut text, &mut kept, at, at + 6, "\\ufffd");
                        at += 6;
                    }
                    None => at += 2,
                }
                continue;
            }
            control @ ..0x20 => {
                replace(&mut text, &mut kept, at, at + 1, &format!("\\u{control:04x}"));
            }
            _ => {}
        }
        at += 1;
    }
    if kept == 0 {
        return Cow::Borrowed(raw);
    }
    text.push_str(&raw[kept..]);
    Cow::Owned(text)
}

/// The number of a `\uD8..` or `\uDC..` escape at an offset.
fn surrogate(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
    let number = u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()?;
    (is_high(number) || is_low(number)).then_some(number)
}

fn is_high(number: u16) -> bool {
    (0xd800..0xdc00).contains(&number)
}

fn is_low(number: u16) -> bool {
    (0xdc00..0xe000).contains(&number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{array_parts, parse, repaired};

    #[test]
    fn what_others_write_is_read() {
        for (raw, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00a""#, "\u{fffd}a"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\ud83d\ude00 \\ud83d""#, "\u{1f600} \\ud83d"),
            ("\"a\tb\"", "a\tb"),
            (r#""NaN ä""#, "NaN ä"),
        ] {
            assert_eq!(parse::<String>(raw).unwrap(), expected, "{raw}");
        }
        let value: serde_json::Value =
            parse(r#"{"ä": [NaN, -Infinity, Infinity, 1], "b": "Infinity \ud83d"}"#).unwrap();
        assert_eq!(value, serde_json::json!({"ä": [null, null, null, 1], "b": "Infinity \u{fffd}"}));
    }

    #[test]
    fn depth_does_not_matter_to_a_part() {
        let deep = format!("[{}{}, 1]", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(array_parts(&deep).unwrap()[1], "1");
    }

    proptest! {
        /// What is JSON already stays as it is.
        #[test]
        fn good_json_is_not_touched(text in "\\PC{0,20}") {
            let raw = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(repaired(&raw), raw.as_str());
        }

        /// No text makes it panic, and mended once is mended.
        #[test]
        fn any_text_is_survived(text in "[\\[\\]{}\",:\\\\a1 \\nudD8c0NIä-]{0,40}") {
            let _ = array_parts(&text);
            let once = repaired(&text).into_owned();
            let twice = repaired(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
    }
}
