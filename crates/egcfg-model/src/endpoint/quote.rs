//! What a server says, made fit to be shown: no key, whoever's it is and wherever the server repeats it, no character that
//! moves a terminal's cursor or turns its text around, one line, bounded.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::guard::boundary;

/// Characters of a server's reply in a message.
pub(crate) const EXCERPT: usize = 300;
/// What stands for a key.
const HIDDEN: &str = "***";
/// Words behind which a key stands.
const BEFORE_KEYS: [&str; 6] = ["bearer", "authorization", "api_key", "api-key", "apikey", "x-api-key"];

/// The beginning of a reply on one line.
pub(crate) fn excerpt(bytes: &[u8], key: Option<&str>) -> String {
    // Hidden before it is cut, or a part of a key could be left at the end.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64 * EXCERPT)]);
    let clean = clean(&text, key);
    let mut out: String = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = out.char_indices().nth(EXCERPT).map(|(at, _)| at);
    if let Some(at) = cut {
        out.truncate(at);
        out.push_str(" ...");
    } else if out.is_empty() {
        out.push_str("(nothing)");
    }
    out
}

/// The neighbourhood of a place in a long reply on one line; its beginning for a short one.
pub(crate) fn excerpt_at(bytes: &[u8], column: usize, key: Option<&str>) -> String {
    if bytes.len() <= 2 * EXCERPT || column < EXCERPT {
        return excerpt(bytes, key);
    }
    // A key that the cut would halve is hidden first.
    let text = hide(&String::from_utf8_lossy(bytes), key).into_owned();
    let start = boundary(&text, column.saturating_sub(EXCERPT / 2));
    format!("... {}", excerpt(&text.as_bytes()[start..], key))
}

/// A text without keys and without characters that do more than be seen. White space becomes spaces.
pub(crate) fn clean(text: &str, key: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in hide(text, key).chars() {
        if c.is_whitespace() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') {
            out.push(' ');
        } else if c.is_control() || acts(c) {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Separators of lines, marks of direction, and what has no width: they change what a reader sees of the other characters.
fn acts(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Hides the key at hand in all forms in which it may come back, and whatever stands where keys stand.
fn hide<'t>(text: &'t str, key: Option<&str>) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    if let Some(key) = key.filter(|key| key.len() >= 4) {
        for form in forms(key) {
            if text.contains(&form) {
                text = Cow::Owned(text.replace(&form, HIDDEN));
            }
        }
    }
    let lower = text.to_ascii_lowercase();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for word in BEFORE_KEYS {
        for (at, _) in lower.match_indices(word) {
            spans.extend(value_after(&text, at + word.len()));
        }
    }
    // Keys of the services that people use say so themselves.
    for prefix in ["sk-", "hf_", "gsk_", "xai-"] {
        for (at, _) in text.match_indices(prefix) {
            let end = at + run_of_key(&text[at..]);
            let starts = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            if starts && end - at >= prefix.len() + 8 {
                spans.push((at, end));
            }
        }
    }
    if spans.is_empty() {
        return text;
    }
    spans.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (from, to) in spans {
        if from >= done {
            out.push_str(&text[done..from]);
            out.push_str(HIDDEN);
        }
        done = done.max(to);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// The key itself, and as JSON and as percent signs spell it.
fn forms(key: &str) -> Vec<String> {
    let json = serde_json::to_string(key).unwrap_or_default();
    let percent: String = key
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    vec![key.to_owned(), json.trim_matches('"').to_owned(), percent]
}

/// The value behind a word such as `Bearer` or `api_key`: over separators and quotes, what a key may consist of.
fn value_after(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = &text[from..];
    let skip = rest.find(|c: char| !matches!(c, ' ' | ':' | '=' | '"' | '\'' | '\\' | '\t'))?;
    let start = from + skip;
    let length = run_of_key(&text[start..]);
    let scheme = BEFORE_KEYS.iter().any(|word| text[start..start + length].eq_ignore_ascii_case(word));
    // A word of prose ("the bearer token is wrong") is no key; one without a separator before it neither.
    let looks = length >= 8 && text[start..start + length].bytes().any(|b| b.is_ascii_digit());
    (skip > 0 && !scheme && looks).then_some((start, start + length))
}

fn run_of_key(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "sk-proj-0123456789abcdef";

    #[test]
    fn a_key_that_comes_back_is_hidden_wherever_it_stands() {
        for said in [
            format!("{{\"error\": \"bad key {KEY}\"}}"),
            format!("Authorization: Bearer {KEY}\r\n"),
            format!("{}{KEY} end", "x".repeat(290)),
            "you sent 'bearer sk-other-9876543210'".to_owned(),
            "{\"api_key\": \"sk-other-9876543210\"}".to_owned(),
            "token hf_abcdefgh12345678 is not allowed".to_owned(),
        ] {
            let shown = excerpt(said.as_bytes(), Some(KEY));
            assert!(shown.contains(HIDDEN), "{shown}");
            for part in ["0123456789", "9876543210", "12345678"] {
                assert!(!shown.contains(part), "{shown}");
            }
        }
        let odd = "a\"b c+d/0123";
        for said in [format!("key={}", "a%22b%20c%2Bd%2F0123"), serde_json::json!({ "k": odd }).to_string()] {
            assert!(excerpt(said.as_bytes(), Some(odd)).contains(HIDDEN), "{said}");
        }
    }

    #[test]
    fn prose_stays() {
        let said = "the bearer token is wrong; authorization is required (see api_key in the manual)";
        assert_eq!(excerpt(said.as_bytes(), None), said);
    }

    #[test]
    fn nothing_moves_the_cursor_or_turns_the_text() {
        let shown = excerpt("a\u{1b}[2Jb\u{202e}c\u{2028}d\u{85}e\n f\u{7}".as_bytes(), None);
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{202e}c\\u{2028}d\\u{85}e f\\u{7}");
    }

    proptest! {
        #[test]
        fn a_key_is_never_seen(before in "\\PC{0,400}", key in "[A-Za-z0-9]{12,40}", after in "\\PC{0,40}") {
            let said = format!("{before}{key}{after}");
            let shown = excerpt(said.as_bytes(), Some(&key));
            prop_assert!(!shown.contains(&key));
            // Nor its beginning at the cut.
            let end = shown.trim_end_matches(" ...");
            prop_assert!(before.contains(&key[..8]) || !end.ends_with(&key[..8]), "{}", end);
            prop_assert!(!shown.chars().any(|c| c.is_control() || acts(c)));
        }
    }
}
