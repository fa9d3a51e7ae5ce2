//! How deep a program nests, told from its tokens alone.
//!
//! Parsers, tree walks and even freeing a tree recurse; a text of a hundred thousand opening brackets would take the
//! whole process down with the stack. So the tokens are read once before anything else, nesting is bounded from above,
//! and what CPython itself refuses (200 brackets, 100 indentations, a few thousand operators in one chain) is refused here.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

use crate::fault::SyntaxFault;

/// Open brackets that CPython's tokenizer allows (`MAXLEVEL`).
const MAX_BRACKETS: usize = 200;
/// Levels of indentation below the first that CPython's tokenizer allows (`MAXINDENT` less the first).
const MAX_INDENTS: usize = 99;
/// Levels of the syntax tree that are accepted. CPython gives up near 3000 operators in a chain (its own recursion limit,
/// which moves a little with release and platform).
pub(crate) const MAX_DEPTH: usize = 2_900;
/// Sources above this many bytes are refused: offsets are 32-bit, and no program of interest comes near.
const MAX_BYTES: usize = 64 << 20;

/// What one open bracket (or the statement itself) has piled up so far.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators, attribute steps and calls since the last comma: each may lie inside the next.
    chain: usize,
    /// Conditional expressions and lambdas: these nest across `and` and `or` too.
    wide: usize,
    /// Lambdas whose colon has not come: commas before it belong to their parameters.
    lambdas: usize,
}

impl Level {
    fn depth(self) -> usize {
        1 + self.chain + self.wide
    }
}

/// Bounds the depth of the syntax tree of `source`, or says what nests too deeply.
pub(crate) fn measure(source: &str) -> Result<usize, SyntaxFault> {
    if source.len() > MAX_BYTES {
        return Err(SyntaxFault::at(source, 0.into(), "source is larger than 64 MiB"));
    }
    let mut scan = Scan { levels: vec![Level::default()], elifs: vec![0], ..Scan::default() };
    let mut line = 1;
    let mut lexer = lexer::lex(source, Mode::Module);
    loop {
        let kind = lexer.next_token();
        if kind == TokenKind::EndOfFile {
            return Ok(scan.peak);
        }
        // The lexer keeps its position to itself, so the line is counted (a string of several lines counts as one).
        line += usize::from(kind.is_any_newline());
        scan.step(kind).map_err(|message| SyntaxFault { line, column: 1, message: message.to_owned() })?;
    }
}

#[derive(Default)]
struct Scan {
    levels: Vec<Level>,
    /// Depth of all levels but the innermost.
    outer: usize,
    /// Per indentation: the `elif` clauses of the chain being read; CPython nests each in the one before.
    elifs: Vec<usize>,
    elif_sum: usize,
    line_started: bool,
    peak: usize,
}

impl Scan {
    fn step(&mut self, kind: TokenKind) -> Result<(), &'static str> {
        let line_start = !self.line_started;
        self.line_started = !matches!(
            kind,
            TokenKind::Newline
                | TokenKind::NonLogicalNewline
                | TokenKind::Comment
                | TokenKind::Indent
                | TokenKind::Dedent
        );
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                self.top().chain += 1;
                self.outer += self.top().depth();
                self.levels.push(Level::default());
                if self.levels.len() > MAX_BRACKETS + 1 {
                    return Err("too many nested parentheses");
                }
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                if self.levels.len() > 1 {
                    self.levels.pop();
                    let depth = self.top().depth();
                    self.outer -= depth;
                }
            }
            TokenKind::Newline => {
                self.levels.truncate(1);
                *self.top() = Level::default();
                self.outer = 0;
            }
            TokenKind::Indent => {
                self.elifs.push(0);
                if self.elifs.len() > MAX_INDENTS + 1 {
                    return Err("too many levels of indentation");
                }
            }
            TokenKind::Dedent => {
                if self.elifs.len() > 1 {
                    self.elif_sum -= self.elifs.pop().unwrap_or(0);
                }
            }
            TokenKind::Semi => *self.top() = Level::default(),
            TokenKind::Comma | TokenKind::Equal if self.top().lambdas == 0 => *self.top() = Level::default(),
            TokenKind::Colon => self.top().lambdas = self.top().lambdas.saturating_sub(1),
            TokenKind::And | TokenKind::Or => self.top().chain = 0,
            TokenKind::Lambda => {
                self.top().wide += 1;
                self.top().lambdas += 1;
            }
            TokenKind::If if line_start => {
                if let Some(count) = self.elifs.last_mut() {
                    self.elif_sum -= *count;
                    *count = 0;
                }
            }
            TokenKind::Elif if line_start => {
                if let Some(count) = self.elifs.last_mut() {
                    *count += 1;
                    self.elif_sum += 1;
                }
            }
            TokenKind::If => self.top().wide += 1,
            kind if nests(kind) => self.top().chain += 1,
            _ => return Ok(()),
        }
        let depth = self.outer + self.top().depth() + self.elifs.len() + self.elif_sum;
        self.peak = self.peak.max(depth);
        if depth > MAX_DEPTH { Err("expression or chain is nested too deeply") } else { Ok(()) }
    }

    fn top(&mut self) -> &mut Level {
        // The first level is never popped.
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }
}

/// Whether a token can put an expression inside another one without a bracket.
fn nests(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Not
            | TokenKind::Plus
            | TokenKind::Minus
            | TokenKind::Star
            | TokenKind::Slash
            | TokenKind::Vbar
            | TokenKind::Amper
            | TokenKind::Percent
            | TokenKind::Tilde
            | TokenKind::CircumFlex
            | TokenKind::LeftShift
            | TokenKind::RightShift
            | TokenKind::DoubleStar
            | TokenKind::DoubleSlash
            | TokenKind::At
            | TokenKind::Dot
            | TokenKind::Await
            | TokenKind::Yield
            | TokenKind::ColonEqual
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_flat_is_shallow() {
        let flat = format!("x = [{}]\n", "a + b.c(1), ".repeat(20_000));
        assert!(measure(&flat).unwrap() < 20);
        let lines = "if a:\n    x = f(1) + 2\nelse:\n    y = -x\n".repeat(5_000);
        assert!(measure(&lines).unwrap() < 20);
        let conjunction = format!("x = {}c\n", "not a and ".repeat(10_000));
        assert!(measure(&conjunction).unwrap() < 20);
    }

    #[test]
    fn chains_count_each_step() {
        for step in ["+ a", ".b", "(1)", "[0]", " if b else c", "** a"] {
            let depth = measure(&format!("x = a {}\n", step.repeat(500))).unwrap();
            assert!((500..1_100).contains(&depth), "{step}: {depth}");
        }
        assert!(measure(&format!("x = {}c", "lambda y=1, z=2: ".repeat(500))).unwrap() >= 500);
        assert!(measure(&format!("x = {}c", "lambda y=".repeat(500))).unwrap() >= 500);
    }
}
