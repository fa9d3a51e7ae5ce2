//! Finds the program in a chat model's answer.
//!
//! Such an answer may think aloud first, explain, show several code fences (a wrong try, a usage example, the final
//! version), leave the last fence open, or use no fence at all. The fence that defines the entry point wins, the last
//! complete one of several; helper functions beside it stay. An answer without a fence that is a program as a whole is taken as it
//! is.

use std::borrow::Cow;

use crate::definitions::defines;
use crate::fences::{Fence, fences, tags_alone};
use crate::helpers::with_helpers;
use crate::lines;
use crate::parse::check;
use crate::session::{has_label, plain, whole_part};
use crate::version::PythonVersion;
use crate::whole::{dedented, whole_program};

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
    let answer = &tags_alone(without_thinking(spoken(&answer)));
    let mut fences = fences(answer);
    fences.iter_mut().for_each(tidy);
    let defining = |code: &str| entry_point.is_none_or(|name| defines(code, name));
    let count = fences.len();
    let wanted = |fence: &Fence| defining(&fence.code) && !fence.code.trim().is_empty();
    let best = [true, false].into_iter().find_map(|complete| {
        let among = || fences.iter().enumerate().rev();
        let mut fit = among().filter(|(_, fence)| fence.complete == complete && wanted(fence));
        fit.clone().find(|(_, fence)| fence.is_python()).or_else(|| fit.next())
    });
    if let Some((at, fence)) = best {
        let code = if fence.complete { &fence.code } else { whole_part(&fence.code, defining) };
        let others = fences.iter().enumerate().filter(|(other, fence)| *other != at && fence.complete);
        let others: Vec<&str> =
            others.filter(|(_, fence)| fence.is_python()).map(|(_, fence)| fence.code.as_str()).collect();
        let code = with_helpers(code, &others).unwrap_or_else(|| code.to_owned());
        return extracted(code, true, fence.complete, count);
    }
    if count == 0
        && let Some(whole) = whole_program(answer)
    {
        let defines = defining(&whole.code) || entry_point.is_some_and(|name| whole.binds(name));
        return extracted(whole.code, defines, true, count);
    }
    let mut loose = loose_program(answer, entry_point);
    if loose.is_empty()
        && let Cow::Owned(shown) = plain(answer)
    {
        loose = shown;
    }
    if !loose.is_empty() && defining(&loose) {
        return extracted(loose, true, true, count);
    }
    // Nothing defines it: the last Python fence is the best guess.
    match fences.iter().rev().find(|fence| fence.is_python()) {
        Some(fence) => extracted(fence.code.clone(), false, fence.complete, count),
        None => extracted(loose, false, true, count),
    }
}

/// Takes away what surrounds the program in a fence.
fn tidy(fence: &mut Fence) {
    if let Cow::Owned(plain) = plain(&fence.code) {
        fence.code = plain;
    }
    if check(&fence.code, PythonVersion::default()).is_err() {
        let moved = dedented(&fence.code) + "\n";
        if check(&moved, PythonVersion::default()).is_ok() {
            fence.code = moved;
        }
    }
}

/// Whether a text that may be a program by itself, as Python has it, is an answer around one: it has fences, thinks aloud, or
/// keeps a label or tag from where it stood.
pub fn is_answer(text: &str) -> bool {
    let is_tag = |line: &str| ["[PYTHON]", "[BEGIN]", "[DONE]"].contains(&line);
    has_label(text)
        || text.contains("</think>")
        || text
            .lines()
            .map(str::trim)
            .any(|line| line.starts_with("```") || line.starts_with("~~~") || is_tag(line))
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

/// What an answer says, without a chat's own marks: the last message of the channel for answers, and no mark of an end behind it.
fn spoken(answer: &str) -> &str {
    const FINAL: &str = "<|channel|>final<|message|>";
    let mut said = match answer.rfind(FINAL) {
        Some(at) => &answer[at + FINAL.len()..],
        // It never came to an answer.
        None if answer.contains("<|channel|>analysis<|message|>") => "",
        // The same where the marks were left out of the text, and their names stayed.
        None if answer.starts_with("analysis") => {
            answer.rsplit_once("assistantfinal").map_or(answer, |(_, said)| said)
        }
        None => answer,
    };
    loop {
        let kept = said.trim_end();
        let mark = kept.strip_suffix("|>").and_then(|kept| kept.rsplit_once("<|"));
        let mark = mark.filter(|(_, name)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        match mark.map(|(before, _)| before).or_else(|| kept.strip_suffix("</s>")) {
            Some(before) => said = before,
            None => return said,
        }
    }
}

/// The answer after its thinking: `<think>...</think>`, also where the opening tag stood in the prompt. A tag that a fence
/// holds belongs to a program.
fn without_thinking(answer: &str) -> &str {
    for name in ["think", "thinking", "reasoning"] {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let begins = answer.trim_start().strip_prefix(&open);
        let ends = answer.match_indices(&close).map(|(at, _)| at);
        let outside =
            ends.clone().filter(|at| fences(&answer[..*at]).last().is_none_or(|fence| fence.complete));
        // Thinking may leave a fence open.
        let end = outside.last().or_else(|| begins.and_then(|_| ends.clone().next()));
        if let Some(end) = end {
            return &answer[end + close.len()..];
        }
        // Thinking that never ended holds no answer.
        if let Some(rest) = begins {
            return &rest[rest.len()..];
        }
    }
    answer
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
    use crate::fences::TAGS;

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
    fn the_marks_of_a_chat_are_no_part_of_the_program() {
        let draft = "```python\ndef f(x):\n    return 0\n```";
        let harmony = |answer: &str| {
            format!(
                "<|channel|>analysis<|message|>try\n{draft}<|end|><|start|>assistant<|channel|>final<|message|>{answer}<|return|>"
            )
        };
        assert_eq!(code(&harmony(F), "f"), F);
        assert_eq!(code(&harmony(&format!("So:\n```python\n{F}```\n")), "f"), F);
        assert_eq!(code(&format!("<|channel|>analysis<|message|>try\n{draft}"), "f"), "");
        assert_eq!(code(&format!("analysistry {draft}\nassistantfinal```python\n{F}```"), "f"), F);
        for end in ["<|endoftext|>", "<|im_end|>\n", "</s>", "\n<|eot_id|><|eot_id|>"] {
            assert_eq!(code(&format!("{}{end}", F.trim_end()), "f"), F, "{end}");
        }
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
    fn tags_are_fences_where_there_are_none() {
        for (open, close) in TAGS {
            assert_eq!(code(&format!("Well:\n{open}\n{F}{close}\nSo f(1) is 1."), "f"), F);
            assert_eq!(code(&format!("It is {open}{F}{close} then."), "f"), F);
            let fenced = format!("{open}\n```python\n{F}```\n{close}");
            assert_eq!(code(&fenced, "f"), F);
        }
        assert_eq!(code(&format!("<answer>First.\n<code>{F}</code>\n</answer>"), "f"), F);
        let text = "def f(x):\n    return '<code>' + x + '</code>'\n";
        assert_eq!(code(&format!("```python\n{text}```"), "f"), text);
        assert_eq!(code(text, "f"), text);
        assert_eq!(code(&format!("Here it is:\n\n{text}"), "f"), text);
    }

    #[test]
    fn indented_fences_and_other_languages() {
        let answer = "1. Run\n   ```bash\n   pip install f\n   ```\n2. Write\n   ```python3\n   def f(x):\n       return x\n   ```\n";
        assert_eq!(code(answer, "f"), F);
        let unfound = extract_program("```python\nprint(1)\n```", Some("f"));
        assert_eq!((unfound.code.as_str(), unfound.defines_entry_point), ("print(1)\n", false));
    }
}
