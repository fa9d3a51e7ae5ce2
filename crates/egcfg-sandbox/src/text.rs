//! Making text that came from a program fit to be shown: one line, bounded, without control characters.

const LIMIT: usize = 600;

/// One bounded line; control characters are escaped, runs of white space become one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() {
            gap = !line.is_empty();
            continue;
        }
        if gap {
            line.push(' ');
            gap = false;
        }
        if character.is_control() || is_direction(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
        if line.len() >= LIMIT {
            line.push_str("...");
            break;
        }
    }
    line
}

/// All lines, bounded; control characters other than line ends and tabs are escaped.
pub(crate) fn lines(text: &str, limit: usize) -> String {
    let mut lines = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            lines.push_str("...");
            break;
        }
        let shown = matches!(character, '\n' | '\t') || !(character.is_control() || is_direction(character));
        if shown {
            lines.push(character);
        } else {
            lines.extend(character.escape_unicode());
        }
    }
    lines
}

/// Marks that turn the reading direction of what follows.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{lines, one_line};

    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(one_line("a\x1b[2Jb\n\n c"), "a\\u{1b}[2Jb c");
        assert_eq!(one_line("\u{202e}x"), "\\u{202e}x");
    }

    #[test]
    fn lines_keep_their_ends_and_nothing_else_that_controls() {
        assert_eq!(lines("a\tb\nc\r\x1b[2J\u{9b}", 99), "a\tb\nc\\u{d}\\u{1b}[2J\\u{9b}");
        assert_eq!(lines("abc", 2), "ab...");
        assert_eq!(lines("abc", 3), "abc");
    }

    #[test]
    fn a_line_is_bounded() {
        assert!(one_line(&"x".repeat(10_000)).len() < 700);
    }
}
