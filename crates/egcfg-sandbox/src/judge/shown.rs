//! How a piece of printed text is shown in a message: short, around what matters, with every character to be seen.

/// Characters of a line or token that a message shows.
const WIDTH: usize = 120;

/// Two texts around their first difference, when they are long.
pub(crate) fn pair(expected: &str, got: &str) -> (String, String) {
    let short = |text: &str| text.chars().nth(WIDTH).is_none();
    if short(expected) && short(got) {
        return (show(expected), show(got));
    }
    let common = expected.chars().zip(got.chars()).take_while(|(left, right)| left == right).count();
    let start = common.saturating_sub(WIDTH / 4);
    let part = |text: &str| {
        let rest: String = text.chars().skip(start).take(WIDTH).collect();
        let more = text.chars().nth(start + WIDTH).is_some();
        format!("{}{}{}", if start > 0 { "..." } else { "" }, show(&rest), if more { "..." } else { "" })
    };
    (part(expected), format!("{} (from character {})", part(got), common + 1))
}

/// A text in quotes in which every character can be seen: white space other than a plain space, characters without a width
/// and all that control are written as escapes.
pub(crate) fn show(text: &str) -> String {
    let mut shown = String::from("\"");
    for (count, character) in text.chars().enumerate() {
        if count == WIDTH {
            shown.push_str("...");
            break;
        }
        match character {
            '"' | '\\' => {
                shown.push('\\');
                shown.push(character);
            }
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            ' ' => shown.push(' '),
            _ if character.is_control() || character.is_whitespace() || is_hidden(character) => {
                shown.extend(character.escape_unicode());
            }
            _ => shown.push(character),
        }
    }
    shown.push('"');
    shown
}

/// Characters that take no room, or that turn what stands around them.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}
