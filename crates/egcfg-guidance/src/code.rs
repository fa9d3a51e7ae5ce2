//! The answer as it grows: a token list whose decoded text is read but never encoded again. Knows where the code begins,
//! how many lines are complete, and when it is over.

use egcfg_model::{LanguageModel, TokenId, first_stop};

/// The accepted answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Accepted tokens, without end-of-text.
    pub(crate) tokens: Vec<TokenId>,
    /// Decoded bytes of the answer's opening (its code part) and the tokens.
    bytes: Vec<u8>,
    /// Where the code begins in `bytes`.
    code_start: usize,
}

impl Answer {
    /// An answer of which only the template's opening exists.
    pub(crate) fn new(code_prefix: &str) -> Self {
        Self { tokens: Vec::new(), bytes: code_prefix.as_bytes().to_vec(), code_start: 0 }
    }

    /// Appends one token.
    pub(crate) fn push(&mut self, model: &dyn LanguageModel, token: TokenId) {
        self.tokens.push(token);
        self.bytes.extend_from_slice(model.token_bytes(token));
    }

    /// The text so far; incomplete UTF-8 at its end is left out until the token that completes it.
    pub(crate) fn text(&self) -> &str {
        valid(&self.bytes)
    }

    /// The code so far.
    pub(crate) fn code(&self) -> &str {
        valid(&self.bytes[self.code_start..])
    }

    /// Completed lines of code.
    pub(crate) fn lines(&self) -> usize {
        self.bytes[self.code_start..].iter().filter(|b| **b == b'\n').count()
    }

    /// The last complete line of code.
    pub(crate) fn last_line(&self) -> &str {
        self.code().trim_end_matches('\n').rsplit('\n').next().unwrap_or("")
    }

    /// Code so far with the text of further tokens.
    pub(crate) fn code_with(&self, model: &dyn LanguageModel, tokens: &[TokenId]) -> String {
        let mut bytes = self.bytes[self.code_start..].to_vec();
        for token in tokens {
            bytes.extend_from_slice(model.token_bytes(*token));
        }
        valid(&bytes).to_owned()
    }

    /// Moves the code's beginning behind the last fence that was opened before `definition` (a byte offset in the text), for
    /// answers that talk first.
    pub(crate) fn enter_fence(&mut self, definition: usize) {
        let before = &self.text()[..definition];
        let Some(fence) = before.rfind("```") else { return };
        if let Some(newline) = before[fence..].find('\n') {
            self.code_start = fence + newline + 1;
        }
    }
}

fn valid(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

/// Where `def <name>(` (or `async def`, or `class <name>`) begins at the start of a line.
pub(crate) fn definition(text: &str, name: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("async ").unwrap_or(line).trim_start_matches(' ');
        let body = if line.starts_with(' ') { None } else { rest.strip_prefix("def ").map(str::trim_start) };
        if body.and_then(|b| b.strip_prefix(name)).is_some_and(|b| b.trim_start().starts_with('(')) {
            return Some(offset);
        }
        let class = line.strip_prefix("class ").map(str::trim_start).and_then(|b| b.strip_prefix(name));
        if class.is_some_and(|b| b.starts_with(['(', ':'])) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

/// Cuts a text before the end mark that is complete first.
pub(crate) fn cut_at<'t>(text: &'t str, ends: &[String]) -> Option<&'t str> {
    first_stop(ends, text.as_bytes(), 0).map(|at| &text[..at.range.start])
}

/// The program in a whole answer (its text from the first token on, the opened code before it included). `opened`: the
/// answer began inside a code block, so that an end mark ends it, whatever it defines. What was written is never thrown away:
/// an answer in which no program can be told from words is the program as it stands.
pub(crate) fn program_in(answer: &str, opened: bool, ends: &[String], name: Option<&str>) -> String {
    let cut = cut_at(answer, ends).unwrap_or(answer);
    if opened {
        return tidy(cut);
    }
    let fenced = ends.iter().any(|end| end.contains("```"));
    let found = egcfg_python::extract_program(if fenced { answer } else { cut }, name).code;
    if found.trim().is_empty() { tidy(if fenced { answer } else { cut }) } else { tidy(&found) }
}

/// A program with one newline at its end.
pub(crate) fn tidy(code: &str) -> String {
    let mut text = code.trim_end().to_owned();
    text.push('\n');
    text
}

/// The last `n` bytes of a text, a few less where that would split a character.
pub(crate) fn last_bytes(text: &str, n: usize) -> &str {
    let mut start = text.len().saturating_sub(n);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_at_line_starts_only() {
        assert_eq!(definition("import x\ndef f(a):", "f"), Some(9));
        assert_eq!(definition("class A:\n    def f(self", "f"), None);
        assert_eq!(definition("I will write def f(x)", "f"), None);
        assert_eq!(definition("def ff(", "f"), None);
        assert_eq!(definition("class Stack:\n", "Stack"), Some(0));
        assert_eq!(definition("async def f(", "f"), Some(0));
        assert_eq!(definition("def f", "f"), None);
    }

    #[test]
    fn what_was_written_is_kept_where_the_definition_is_absent() {
        let fence = ["```".to_owned()];
        let lambda = "add = lambda xs: sum(xs)\n";
        // The template opened the fence: what closes it is no opening.
        assert_eq!(program_in(&format!("{lambda}```\nDone."), true, &fence, Some("add")), lambda);
        assert_eq!(program_in(&format!("{lambda}```"), true, &fence, None), lambda);
        assert_eq!(program_in(lambda, true, &fence, Some("add")), lambda);
        assert_eq!(program_in("x = 1\ny = 2", true, &fence, Some("add")), "x = 1\ny = 2\n");
        // The model opened it.
        assert_eq!(program_in(&format!("So:\n```python\n{lambda}```\n"), false, &fence, Some("add")), lambda);
        // No fence at all.
        assert_eq!(
            program_in(&format!("{lambda}\n### Task\n"), false, &["\n###".to_owned()], Some("add")),
            lambda
        );
        assert_eq!(program_in("I cannot", false, &fence, Some("add")), "I cannot\n");
        let both = "```python\ndef add(xs):\n    return 1\n```\n```python\nprint(add([]))\n```";
        assert_eq!(program_in(both, false, &fence, Some("add")), "def add(xs):\n    return 1\n");
    }

    #[test]
    fn code_is_cut_at_the_first_end() {
        let ends = ["```".to_owned(), "\n###".to_owned()];
        assert_eq!(cut_at("a\n### b ```", &ends), Some("a"));
        assert_eq!(cut_at("a", &ends), None);
    }
}
