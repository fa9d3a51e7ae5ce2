//! Text for people. Everything that may reach a terminal passes [`visible`] once, here, on its way out: what a model wrote, what a
//! server answered, names of files. So no text can move the cursor, change the title or turn the reading direction around.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use crate::output::terminal;

/// The text with every character that could act on a terminal, or hide what stands there, as a visible escape such as
/// `\u{1b}`; newlines and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Whether a character does something else than stand there.
fn acts(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // C0, DEL and C1, whose CSI (U+009B) some terminals obey.
        _ if c.is_control() => true,
        // Marks of direction: Arabic letter mark, left-to-right and right-to-left marks, embeddings, overrides, isolates.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Separators of lines and paragraphs, a byte-order mark inside a text, annotations, and tags that nobody sees.
        | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output: {0}")]
pub(crate) struct OutputError(#[from] std::io::Error);

/// Writes text for a person to standard output.
pub(crate) fn show(text: &str) -> Result<(), OutputError> {
    write(&visible(text))
}

/// Writes data to standard output: byte by byte as it is for a file or another program, with [`visible`] escapes on a terminal.
pub(crate) fn data(text: &str) -> Result<(), OutputError> {
    if std::io::stdout().is_terminal() { show(text) } else { write(text) }
}

/// A reader that went away ends the output quietly.
fn write(text: &str) -> Result<(), OutputError> {
    terminal::aside(|| {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    })
}

/// One line on standard error.
pub(crate) fn note(text: &str) {
    let line = visible(text).into_owned() + "\n";
    // Where standard error is closed or full there is nobody left to tell.
    terminal::aside(|| drop(std::io::stderr().lock().write_all(line.as_bytes())));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown_instead() {
        for (text, shown) in [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\rb\u{8}", "a\\rb\\u{8}"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
            ("\u{2066}x\u{2069}\u{200f}\u{61c}", "\\u{2066}x\\u{2069}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("\u{feff}\u{e0041}", "\\u{feff}\\u{e0041}"),
            ("\u{7f}\0", "\\u{7f}\\u{0}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        // Ordinary text of any script, emoji with joiners among it, is left as it is.
        for text in ["a\tb\n", "naïve 漢字 עברית العربية", "👩\u{200d}💻"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }

    proptest! {
        #[test]
        fn nothing_that_acts_comes_through(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.contains(acts));
            prop_assert_eq!(visible(&shown), shown.as_str());
        }
    }
}
