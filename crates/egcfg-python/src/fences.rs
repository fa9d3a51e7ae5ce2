//! Code fences in a chat model's answer, and the tags that some models write instead.

use std::borrow::Cow;

use crate::lines;
use crate::parse::check;
use crate::version::PythonVersion;
use crate::whole::whole_program;

/// Tags that some models put around a program instead of a fence, the innermost first.
pub(crate) const TAGS: [(&str, &str); 6] = [
    ("[PYTHON]", "[/PYTHON]"),
    ("[BEGIN]", "[DONE]"),
    ("<code>", "</code>"),
    ("<python>", "</python>"),
    ("<solution>", "</solution>"),
    ("<answer>", "</answer>"),
];

/// The answer with the tags around its programs on lines of their own; as it is where fences mark them, or where the tags belong to
/// the program.
pub(crate) fn tags_alone(answer: &str) -> Cow<'_, str> {
    // The prompt may have held what this closes.
    let answer = match answer.split_once("\n[DONE]") {
        Some((head, _)) if !head.contains("[BEGIN]") => head,
        _ => answer,
    };
    let holds_lines = |(open, close): &&(&str, &str)| {
        let inner = answer.split_once(open).and_then(|(_, after)| after.split_once(close));
        inner.is_some_and(|(inner, _)| inner.trim().contains('\n'))
    };
    match TAGS.iter().find(holds_lines) {
        Some((open, close)) if !answer.contains("```") && whole_program(answer).is_none() => {
            let opened = answer.replace(open, &format!("\n{open}\n"));
            // One that stands on a line of its own already has no blank line after it.
            let opened = opened.replace(&format!("{open}\n\n"), &format!("{open}\n"));
            opened.replace(close, &format!("\n{close}\n")).into()
        }
        _ => answer.into(),
    }
}

/// One fence of an answer.
pub(crate) struct Fence {
    language: String,
    /// What stands in it.
    pub(crate) code: String,
    /// Whether it was closed.
    pub(crate) complete: bool,
}

impl Fence {
    /// Whether it says that it holds Python, or nothing of what it holds.
    pub(crate) fn is_python(&self) -> bool {
        let language = self.language.to_ascii_lowercase();
        language.is_empty()
            || language.starts_with("py")
            || language.starts_with("{python")
            || language == "code"
    }
}

/// How a line opens a fence: the fence's own characters, its indentation, the language.
fn opening(line: &str) -> Option<(String, &str, &str)> {
    let indentation = lines::indentation(line);
    let rest = &line[indentation.len()..];
    if let Some((_, close)) = TAGS.iter().find(|(open, _)| rest.trim() == *open) {
        return Some(((*close).to_owned(), indentation, "python"));
    }
    let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = rest.chars().take_while(|next| *next == mark).count();
    let info = rest[length..].trim();
    // An info string has no backticks, or it would be inline code.
    (length >= 3 && !info.contains('`')).then(|| {
        let language = info.split([' ', ':', ',']).next().unwrap_or_default();
        (mark.to_string().repeat(length), indentation, language)
    })
}

fn closes(line: &str, mark: &str) -> bool {
    let line = line.trim();
    if mark.starts_with(['[', '<']) {
        return line == mark;
    }
    line.starts_with(mark) && line.chars().all(|next| mark.starts_with(next))
}

/// Whether a program that ends here ends within a text of three quotes, which the rest of the answer closes: a fence in there
/// belongs to the text.
fn in_text(code: &str, rest: &str) -> bool {
    open_text(code).is_some_and(|quotes| rest.contains(quotes))
}

/// The quotes of a text of three quotes that a program ends in.
fn open_text(code: &str) -> Option<&str> {
    let bytes = code.as_bytes();
    let (mut at, mut open) = (0, None::<&str>);
    while at < bytes.len() {
        let here = &code[at..];
        let step = match (open, bytes[at]) {
            (Some(_), b'\\') => 2,
            (Some(quotes), _) if here.starts_with(quotes) => {
                open = None;
                quotes.len()
            }
            // A text of one quote ends with its line.
            (Some(quotes), b'\n') if quotes.len() == 1 => {
                open = None;
                1
            }
            (None, b'#') => here.find('\n').unwrap_or(here.len()),
            (None, b'"' | b'\'') => {
                let length = if here.starts_with("\"\"\"") || here.starts_with("'''") { 3 } else { 1 };
                open = Some(&here[..length]);
                length
            }
            _ => 1,
        };
        at += step;
        while at < bytes.len() && !code.is_char_boundary(at) {
            at += 1;
        }
    }
    open.filter(|quotes| quotes.len() == 3)
}

/// The last line of a program that its closing fence stands on.
fn glued<'a>(code: &str, line: &'a str, mark: &str) -> Option<&'a str> {
    let last = line.trim_end().strip_suffix(mark)?;
    let whole = |last: &str| check(&format!("{code}{last}\n"), PythonVersion::default()).is_ok();
    (!last.trim().is_empty() && whole(last) && !whole(line)).then_some(last)
}

/// A program between fences on one line.
fn on_one_line(line: &str) -> Option<Fence> {
    let inner = line.trim().strip_prefix("```")?.strip_suffix("```")?;
    let inner = inner.strip_prefix("python").map_or(inner, str::trim_start);
    let code = format!("{inner}\n");
    let is_program = inner.contains(' ') && check(&code, PythonVersion::default()).is_ok();
    is_program.then(|| Fence { language: "python".to_owned(), code, complete: true })
}

/// The fences of an answer, in order.
pub(crate) fn fences(answer: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<(Fence, String, &str)> = None;
    let mut at = 0;
    for line in answer.split('\n') {
        at += line.len() + 1;
        let rest = answer.get(at..).unwrap_or_default();
        let begin = |(mark, indentation, language): (String, _, &str)| {
            let fence = Fence { language: language.to_owned(), code: String::new(), complete: false };
            (fence, mark, indentation)
        };
        let Some((mut fence, mark, indentation)) = open.take() else {
            fences.extend(on_one_line(line));
            open = opening(line).map(begin);
            continue;
        };
        if closes(line, &mark) && !in_text(&fence.code, rest) {
            fence.complete = true;
            fences.push(fence);
            continue;
        }
        if let Some(last) = glued(&fence.code, line, &mark) {
            fence.code.push_str(last);
            fence.code.push('\n');
            fence.complete = true;
            fences.push(fence);
            continue;
        }
        match opening(line) {
            // Tags around a fence are no fence.
            Some(inner) if mark.starts_with(['[', '<']) => open = Some(begin(inner)),
            // A fence with a language inside a fence: the one before was never closed.
            Some(inner)
                if inner.0.starts_with(&mark) && !inner.2.is_empty() && !in_text(&fence.code, rest) =>
            {
                fences.push(fence);
                open = Some(begin(inner));
            }
            _ => {
                fence.code.push_str(line.strip_prefix(indentation).unwrap_or(line));
                fence.code.push('\n');
                open = Some((fence, mark, indentation));
            }
        }
    }
    fences.extend(open.map(|(fence, _, _)| fence));
    fences
}
