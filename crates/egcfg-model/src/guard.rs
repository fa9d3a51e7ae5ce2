//! The one way by which text reaches a tokenizer. Tokenizers cut a text by regular expressions, and some of these recurse
//! per character (a long unbroken run overflows the stack, which ends the process) or look again and again at a long run
//! (which takes minutes). So a text is refused before work where it cannot fit the context; it is cut where every
//! tokenizer at hand cuts anyway and no token could reach across; work ends as soon as the tokens exceed the context; what
//! is unbroken runs on a stack made for its length, and beyond a limit is an error that shows it.

use crate::api::TokenId;
use crate::error::ModelError;

/// Texts up to this many bytes go straight through.
const SHORT: usize = 256;
/// A cut is looked for from this many bytes on: each part costs a call.
const PART: usize = 1024;
/// Stack per byte of an unbroken run: the library's regular expressions were seen to take 300 to 600 bytes.
const STACK_PER_BYTE: usize = 2048;
/// Stack for everything else.
const STACK_BASE: usize = 1 << 20;
/// The library spends a step on every pair of a run's characters in the worst of its expressions.
const QUADRATIC_RUN: usize = 1024;
/// Longest run that goes through an expression that recurses: 32 MiB of stack.
const RECURSIVE_RUN: usize = 16 << 10;

/// How a tokenizer's expressions take a long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Splitter {
    /// In a loop, or there are none.
    Linear,
    /// A level of recursion per character of one class (letters, digits, white space, the rest).
    ByClass,
    /// The same for everything between white space.
    ByWord,
    /// The same across white space, so that no text can be cut before a space.
    Anything,
    /// Every character of a run of one class looks at the rest of it.
    Quadratic,
}

impl Splitter {
    /// That of llama.cpp for byte-pair encodings, by the name that a file gives. Names that are not known are taken for
    /// those that need the most care but may be cut.
    pub(crate) fn of_llama(name: &str) -> Self {
        match name {
            "gpt-2" | "smollm" | "qwen2" | "llama-bpe" | "llama3" | "llama-v3" | "stablelm2"
            | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" | "mpt" | "olmo" | "jais"
            | "dbrx" | "smaug-bpe" | "hunyuan" | "grok-2" | "kimi-k2" => Self::Linear,
            "" | "default" | "deepseek-coder" | "deepseek-v3" | "falcon" | "tekken" | "gpt-4o"
            | "chameleon" | "seed-coder" | "bailingmoe" | "minicpm5" | "hunyuan-dense" | "youtu" => {
                Self::ByClass
            }
            "deepseek-llm" | "superbpe" | "jais-2" => Self::Quadratic,
            "exaone-moe" => Self::Anything,
            _ => Self::ByWord,
        }
    }

    fn longest_run(self) -> usize {
        match self {
            Self::Linear => usize::MAX,
            Self::Quadratic => QUADRATIC_RUN,
            _ => RECURSIVE_RUN,
        }
    }

    /// The class of a byte; `None` for what may be of any class. Continuation bytes are counted like their characters.
    fn class(self, byte: u8) -> Option<u8> {
        match self {
            Self::Anything => Some(0),
            Self::ByWord => Some(u8::from(byte.is_ascii_whitespace())),
            _ if !byte.is_ascii() => None,
            _ if byte.is_ascii_alphabetic() => Some(0),
            _ if byte.is_ascii_digit() => Some(1),
            _ if byte.is_ascii_whitespace() => Some(2),
            _ => Some(3),
        }
    }
}

/// What is known about a tokenizer.
#[derive(Debug)]
pub(crate) struct Guard {
    splitter: Splitter,
    /// Bytes of the longest token.
    longest: usize,
    /// Texts may be cut between a letter or digit and a newline; and a space.
    before_newline: bool,
    before_space: bool,
}

impl Guard {
    /// From all tokens' bytes (spellings, where they are control tokens). `cuts` is false for tokenizers whose tokens are not
    /// made by merging neighbours: there no cut is known to be safe.
    pub(crate) fn new<'t>(splitter: Splitter, cuts: bool, tokens: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut guard = Self {
            splitter,
            longest: 1,
            before_newline: cuts,
            before_space: cuts && splitter != Splitter::Anything,
        };
        for token in tokens {
            guard.longest = guard.longest.max(token.len());
            // A merge across the cut would make a token that holds both sides of it.
            for pair in token.windows(2).filter(|pair| pair[0].is_ascii_alphanumeric()) {
                guard.before_newline &= pair[1] != b'\n';
                guard.before_space &= pair[1] != b' ';
            }
        }
        guard
    }

    /// Tokens of a text by `piece`, the tokenizer itself. A text that needs more than `context` tokens is refused.
    pub(crate) fn encode(
        &self,
        text: &str,
        context: usize,
        piece: impl Fn(&str) -> Result<Vec<TokenId>, ModelError> + Sync,
    ) -> Result<Vec<TokenId>, ModelError> {
        if text.len() <= SHORT {
            return piece(text);
        }
        let overflow = |needed: usize| ModelError::ContextOverflow { needed, context };
        if text.len().div_ceil(self.longest) > context {
            return Err(overflow(text.len().div_ceil(self.longest)));
        }
        let mut tokens = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(self.cut(rest));
            rest = after;
            tokens.extend(self.part(part, &piece)?);
            let needed = tokens.len() + rest.len().div_ceil(self.longest);
            if needed > context {
                return Err(overflow(needed));
            }
        }
        Ok(tokens)
    }

    /// Length of the first part: up to the first safe cut, once it is worth a call.
    fn cut(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        (PART..bytes.len())
            .find(|at| {
                bytes[at - 1].is_ascii_alphanumeric()
                    && match bytes[*at] {
                        b'\n' => self.before_newline,
                        b' ' => self.before_space,
                        _ => false,
                    }
            })
            .unwrap_or(bytes.len())
    }

    fn part(
        &self,
        part: &str,
        piece: &(impl Fn(&str) -> Result<Vec<TokenId>, ModelError> + Sync),
    ) -> Result<Vec<TokenId>, ModelError> {
        let (run, at) = self.longest_run(part);
        if run > self.splitter.longest_run() {
            let shown: String = part[boundary(part, at)..].chars().take(24).collect();
            return Err(ModelError::BadRequest(format!(
                "a text holds {run} bytes without a break, from {shown:?} on; this model's tokenizer can take {} at a time, \
                 so shorten it or put line breaks into it",
                self.splitter.longest_run()
            )));
        }
        if run <= SHORT || self.splitter == Splitter::Linear {
            return piece(part);
        }
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("egcfg-encode".to_owned())
                .stack_size(STACK_BASE + run * STACK_PER_BYTE)
                .spawn_scoped(scope, || piece(part))
                .map_err(|error| ModelError::Engine(format!("no thread to encode a long text: {error}")))?
                .join()
                .unwrap_or_else(|_| Err(ModelError::Engine("encoding a text failed".to_owned())))
        })
    }

    /// The most bytes that one expression can take at a time, two neighbouring runs together (a word and the space before it,
    /// punctuation and the line ends after it), and where they begin.
    fn longest_run(&self, text: &str) -> (usize, usize) {
        let (mut before, mut run, mut start) = (0, 0, 0);
        let mut class = None;
        let mut longest = (0, 0);
        for (at, byte) in text.bytes().enumerate() {
            let own = self.splitter.class(byte);
            if run > 0 && own.is_some() && class.is_some() && own != class {
                (before, run, start) = (run, 0, at);
            }
            class = own.or(class);
            run += 1;
            if before + run > longest.0 {
                longest = (before + run, start - before);
            }
        }
        longest
    }
}

/// The last place at or before a byte at which a character begins.
pub(crate) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One token per byte.
    #[expect(clippy::unnecessary_wraps, reason = "the form of an encoder")]
    fn bytes(text: &str) -> Result<Vec<TokenId>, ModelError> {
        Ok(text.bytes().map(TokenId::from).collect())
    }

    fn guard(splitter: Splitter, tokens: &[&str]) -> Guard {
        Guard::new(splitter, true, tokens.iter().map(|token| token.as_bytes()))
    }

    #[test]
    fn a_text_that_cannot_fit_is_refused_before_work() {
        let guard = guard(Splitter::Linear, &["abcd"]);
        let never = |_: &str| -> Result<Vec<TokenId>, ModelError> { Err(ModelError::Engine("work".into())) };
        let refused = guard.encode(&"x".repeat(4001), 1000, never);
        assert_eq!(refused, Err(ModelError::ContextOverflow { needed: 1001, context: 1000 }));
    }

    #[test]
    fn work_ends_when_the_context_is_full() {
        let guard = guard(Splitter::Linear, &["a text of sixteen"]);
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let refused = guard.encode(&"word ".repeat(10_000), 4000, |part| {
            calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bytes(part)
        });
        assert!(matches!(refused, Err(ModelError::ContextOverflow { .. })));
        assert!(calls.into_inner() <= 4);
    }

    #[test]
    fn an_unbroken_run_is_named_with_its_place() {
        let text = format!("x = '{}'", "A".repeat(RECURSIVE_RUN + 1));
        let said = guard(Splitter::ByClass, &["a"]).encode(&text, 1 << 20, bytes).unwrap_err().to_string();
        assert!(said.contains("without a break") && said.contains("AAAA"), "{said}");
        assert!(guard(Splitter::Linear, &["a"]).encode(&text, 1 << 20, bytes).is_ok());
        let mixed = "a1 ".repeat(RECURSIVE_RUN);
        assert!(guard(Splitter::ByClass, &["a"]).encode(&mixed, 1 << 20, bytes).is_ok());
    }

    #[test]
    fn no_cut_where_a_token_reaches_across() {
        let text = "word\n".repeat(1000);
        let parts = |tokens: &[&str]| {
            let count = std::sync::Mutex::new(0);
            guard(Splitter::Linear, tokens)
                .encode(&text, 1 << 20, |part| {
                    *count.lock().unwrap() += 1;
                    bytes(part)
                })
                .unwrap();
            count.into_inner().unwrap()
        };
        assert!(parts(&["d"]) > 1);
        assert_eq!(parts(&["d\nw"]), 1);
    }

    proptest! {
        #[test]
        fn parts_join_to_the_text(words in prop::collection::vec("[a\u{e9}9 \n(]{1,40}", 1..200)) {
            let text = words.concat();
            for splitter in [Splitter::Linear, Splitter::ByClass, Splitter::ByWord, Splitter::Anything, Splitter::Quadratic] {
                let tokens = guard(splitter, &["a"]).encode(&text, 1 << 20, bytes);
                if let Ok(tokens) = tokens {
                    prop_assert_eq!(tokens, bytes(&text).unwrap());
                } else {
                    prop_assert!(splitter != Splitter::Linear && text.len() > QUADRATIC_RUN);
                }
            }
        }
    }
}
