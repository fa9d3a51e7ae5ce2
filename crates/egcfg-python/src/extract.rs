//! Finds the program in a chat model's answer.
//!
//! Such an answer may think aloud first, explain, show several code fences (a wrong try, a usage example, the final
//! version), leave the last fence open, or use no fence at all. The fence that defines the entry point wins, the last
//! complete one of several; helper functions beside it stay. An answer without a fence that is a program as a whole is taken as it
//! is.

use crate::definitions::defines;
use crate::lines;
use crate::parse::check;
use crate::version::PythonVersion;
use crate::whole::whole_program;

/// The program found in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The program, with a newline at its end; empty when the answer holds none.
    pub code: String,
    /// Whether it defines the entry point (true for any code where no entry point was given).
    pub defines_entry_point: bool,
    /// Whether its fence was closed; true where there was no fence.
    pub complete: bool,
    /// How many code fences the answer has.
    pub fences: usize,
}

/// Extracts the program that defines `entry_point` from an answer.
///
/// ```
/// use egcfg_python::extract_program;
///
/// let answer = "Sure!\n```python\ndef f(x):\n    return x + 1\n```\nUse it so:\n```python\nprint(f(1))\n```\n";
/// assert_eq!(extract_program(answer, Some("f")).code, "def f(x):\n    return x + 1\n");
/// ```
pub fn extract_program(answer: &str, entry_point: Option<&str>) -> Extracted {
    let answer = lines::unix_newlines(answer);
    let answer = without_thinking(&answer);
    let fences = fences(answer);
    let defining = |code: &str| entry_point.is_none_or(|name| defines(code, name));
    let count = fences.len();
    let wanted = |fence: &&Fence| defining(&fence.code) && !fence.code.trim().is_empty();
    let best = [true, false].into_iter().find_map(|complete| {
        let rev = || fences.iter().rev().filter(wanted).filter(|fence| fence.complete == complete);
        rev().find(|fence| fence.is_python()).or_else(|| rev().next())
    });
    if let Some(fence) = best {
        return extracted(fence.code.clone(), true, fence.complete, count);
    }
    if count == 0
        && let Some(whole) = whole_program(answer)
    {
        let defines = defining(&whole.code) || entry_point.is_some_and(|name| whole.binds(name));
        return extracted(whole.code, defines, true, count);
    }
    let loose = loose_program(answer, entry_point);
    if !loose.is_empty() && defining(&loose) {
        return extracted(loose, true, true, count);
    }
    // Nothing defines it: the last Python fence is the best guess.
    match fences.iter().rev().find(|fence| fence.is_python()) {
        Some(fence) => extracted(fence.code.clone(), false, fence.complete, count),
        None => extracted(loose, false, true, count),
    }
}

fn extracted(code: String, defines_entry_point: bool, complete: bool, fences: usize) -> Extracted {
    let end = code.trim_end().len();
    let mut code = code;
    code.truncate(end);
    if !code.is_empty() {
        code.push('\n');
    }
    Extracted { code, defines_entry_point, complete, fences }
}

/// The answer after its thinking: `<think>...</think>`, also where the opening tag stood in the prompt.
fn without_thinking(answer: &str) -> &str {
    for name in ["think", "thinking", "reasoning"] {
        if let Some((_, after)) = answer.rsplit_once(&format!("</{name}>")) {
            return after;
        }
        // Thinking that never ended holds no answer.
        if let Some(rest) = answer.trim_start().strip_prefix(&format!("<{name}>")) {
            return &rest[rest.len()..];
        }
    }
    answer
}

struct Fence {
    language: String,
    code: String,
    complete: bool,
}

impl Fence {
    fn is_python(&self) -> bool {
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
    if rest.trim() == "[PYTHON]" {
        return Some(("[/PYTHON]".to_owned(), indentation, "python"));
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
    if mark.starts_with('[') {
        return line == mark;
    }
    line.starts_with(mark) && line.chars().all(|next| mark.starts_with(next))
}

fn fences(answer: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<(Fence, String, &str)> = None;
    for line in answer.split('\n') {
        open = match open.take() {
            None => opening(line).map(|(mark, indentation, language)| {
                (
                    Fence { language: language.to_owned(), code: String::new(), complete: false },
                    mark,
                    indentation,
                )
            }),
            Some((mut fence, mark, _)) if closes(line, &mark) => {
                fence.complete = true;
                fences.push(fence);
                None
            }
            Some((mut fence, mark, indentation)) => match opening(line) {
                // A fence with a language inside a fence: the one before was never closed.
                Some((inner, deeper, language)) if inner.starts_with(&mark) && !language.is_empty() => {
                    fences.push(fence);
                    let next = Fence { language: language.to_owned(), code: String::new(), complete: false };
                    Some((next, inner, deeper))
                }
                _ => {
                    fence.code.push_str(line.strip_prefix(indentation).unwrap_or(line));
                    fence.code.push('\n');
                    Some((fence, mark, indentation))
                }
            },
        };
    }
    fences.extend(open.map(|(fence, _, _)| fence));
    fences
}

/// The program in an answer without fences: its stretches that are Python, from the first definition or import on.
fn loose_program(answer: &str, entry_point: Option<&str>) -> String {
    let mut code = String::new();
    let mut found = false;
    for chunk in chunks(answer) {
        let first = chunk.split('\n').next().unwrap_or_default();
        let opens = STARTS.iter().any(|start| first.starts_with(start));
        if code.is_empty() && !opens {
            continue;
        }
        let here = entry_point.is_some_and(|name| defines(&chunk, name));
        // A chunk that defines the entry point is kept whatever its state; prose before it is skipped, prose after ends it.
        let decorator = first.starts_with('@');
        if here || decorator || check(&chunk, PythonVersion::default()).is_ok() {
            code.push_str(&chunk);
            found |= here;
        } else if found || entry_point.is_none() {
            break;
        }
    }
    code
}

/// How the first line of a program without a fence begins.
const STARTS: [&str; 6] = ["def ", "class ", "async def ", "import ", "from ", "@"];

/// A line at the left margin with the indented and blank lines after it.
fn chunks(answer: &str) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for line in answer.split('\n') {
        // A bare fence closes what the prompt opened.
        if line.starts_with("```") {
            chunks.push("```\n".to_owned());
            continue;
        }
        let margin = !lines::is_blank(line) && lines::indentation(line).is_empty();
        let continues = line.starts_with([')', ']', '}']) || starts_clause(line);
        match chunks.last_mut() {
            Some(last) if !margin || continues => {
                last.push_str(line);
                last.push('\n');
            }
            _ => chunks.push(format!("{line}\n")),
        }
    }
    chunks
}

/// Whether a line at the margin belongs to the compound statement above it.
fn starts_clause(line: &str) -> bool {
    ["else:", "elif ", "except", "finally:"].iter().any(|clause| line.starts_with(clause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(answer: &str, entry_point: &str) -> String {
        extract_program(answer, Some(entry_point)).code
    }

    const F: &str = "def f(x):\n    return x\n";

    #[test]
    fn the_last_complete_fence_that_defines_it() {
        let answer = format!(
            "```python\ndef f(x): ...\n```\ntext\n```py\nimport os\n\n{F}```\n```\nprint(f(1))\n```\n```python\ndef f(x):\n    retu"
        );
        let found = extract_program(&answer, Some("f"));
        assert_eq!(found.code, format!("import os\n\n{F}"));
        assert_eq!((found.complete, found.fences), (true, 4));
    }

    #[test]
    fn an_open_fence_is_taken_when_there_is_no_other() {
        let found = extract_program(&format!("Well:\n~~~ Python\n{F}"), Some("f"));
        assert_eq!((found.code.as_str(), found.complete), (F, false));
    }

    #[test]
    fn thinking_is_skipped() {
        let wrong = "```python\ndef f(x):\n    return 0\n```\n";
        assert_eq!(code(&format!("<think>\n{wrong}</think>\n```python\n{F}```"), "f"), F);
        assert_eq!(code(&format!("{wrong}</think>\n{F}"), "f"), F);
        assert_eq!(code(&format!("<think>{wrong}"), "f"), "");
    }

    #[test]
    fn answers_without_fences() {
        let helper = "def g(x):\n    return x\n\n\n";
        let answer =
            format!("Here is what I would do.\n\n{helper}{F}\nThis returns its argument: f(1).\nx = 1\n");
        assert_eq!(code(&answer, "f"), format!("{helper}{F}"));
        assert_eq!(code(&format!("{F}```\nThat was it."), "f"), F);
        assert_eq!(code("def f(x):\n    return (x", "f"), "def f(x):\n    return (x\n");
        assert_eq!(code("I cannot help.", "f"), "");
        assert_eq!(code(" def f(x):\n    return x\n", "f"), F);
        let script = extract_program("n = int(input())\nprint(n + 1)\n", None);
        assert_eq!((script.code.as_str(), script.fences), ("n = int(input())\nprint(n + 1)\n", 0));
        assert_eq!(extract_program("Sorry", None).code, "");
    }

    #[test]
    fn indented_fences_and_other_languages() {
        let answer = "1. Run\n   ```bash\n   pip install f\n   ```\n2. Write\n   ```python3\n   def f(x):\n       return x\n   ```\n";
        assert_eq!(code(answer, "f"), F);
        let unfound = extract_program("```python\nprint(1)\n```", Some("f"));
        assert_eq!((unfound.code.as_str(), unfound.defines_entry_point), ("print(1)\n", false));
    }
}
