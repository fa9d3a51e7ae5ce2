//! A model's own `tokenizer.json`, for servers through which only text passes. With it a prompt is tokens on this side too:
//! lengths are exact, a user's text cannot become a special token, and a server that takes token ids is sent them, so that what
//! was generated is not encoded again.

use std::path::Path;

use serde_json::Value;

use crate::api::{Encode, TokenId};
use crate::error::ModelError;
use crate::guard::{Guard, Splitter};

/// Numbers above this are no token of any model; without a limit a broken reply could ask for gigabytes.
pub(crate) const MOST_TOKENS: usize = 1 << 24;

/// A control character that no vocabulary merges with its neighbours. Where a tokenizer puts a space before every text, it
/// takes that space, and both are cut off again.
const GUARD: &str = "\u{1}";

/// A tokenizer and the bytes of its tokens.
pub(crate) struct Tokenizer {
    /// Special tokens are recognised in a text.
    template: tokenizers::Tokenizer,
    /// They are not.
    plain: tokenizers::Tokenizer,
    /// The guard's tokens, where it is needed.
    guard: Vec<TokenId>,
    /// Keeps texts from holding the process.
    limits: Guard,
    /// Spellings of added tokens: those that are not marked as special are cut by us.
    added: Vec<String>,
    /// The token that begins a prompt, where the file says so.
    pub(crate) bos: Option<TokenId>,
    /// Bytes by id; of a special token, its spelling. Ids that stand for nothing have none.
    pub(crate) bytes: Vec<Option<Vec<u8>>>,
    /// Ids in the order in which their texts are taken for them, should two have the same.
    pub(crate) order: Vec<TokenId>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer")
            .field("tokens", &self.bytes.len())
            .field("bos", &self.bos)
            .finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    pub(crate) fn read(path: &Path) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::Load { path: path.display().to_string(), reason };
        let text = egcfg_files::read_small_bytes(path).map_err(|error| fail(error.reason()))?;
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| fail(format!("no tokenizer.json: {error}")))?;
        let mut template = tokenizers::Tokenizer::from_bytes(&text)
            .map_err(|error| fail(format!("no tokenizer.json that can be used: {error}")))?;
        // What a program holds must not be cut off, and lengths must be what they are.
        template
            .with_truncation(None)
            .map_err(|error| fail(format!("its truncation cannot be switched off: {error}")))?
            .with_padding(None);
        let mut plain = template.clone();
        plain.set_encode_special_tokens(true);
        let added = template.get_added_tokens_decoder();
        let by_byte = json["model"]["byte_fallback"] == true;
        let vocab = template.get_vocab(true);
        let size = vocab.values().map(|id| *id as usize + 1).max().unwrap_or(0);
        if size == 0 || size > MOST_TOKENS / 2 {
            return Err(fail(format!("a vocabulary of {size} tokens")));
        }
        let letters = letters();
        let mut bytes: Vec<Option<Vec<u8>>> = vec![None; size];
        let mut order = Vec::with_capacity(vocab.len());
        let mut spelled = Vec::new();
        for (text, id) in &vocab {
            let (own, is_byte) = match added.get(id) {
                Some(token) => (token.content.clone().into_bytes(), false),
                None if by_byte => match byte_token(text) {
                    Some(byte) => (vec![byte], true),
                    None => (text.replace('\u{2581}', " ").into_bytes(), false),
                },
                None => (
                    text.chars()
                        .map(|c| letters.get(&c).copied())
                        .collect::<Option<_>>()
                        .unwrap_or_else(|| text.clone().into_bytes()),
                    false,
                ),
            };
            bytes[*id as usize] = Some(own);
            order.push((is_byte, *id));
        }
        order.sort_unstable();
        for token in added.values().filter(|token| !token.special && !token.content.trim().is_empty()) {
            spelled.push(token.content.clone());
        }
        let ids = |tokenizer: &tokenizers::Tokenizer, text: &str, special: bool| -> Vec<TokenId> {
            tokenizer.encode(text, special).map(|e| e.get_ids().to_vec()).unwrap_or_default()
        };
        let (bare, whole) = (ids(&plain, "x", false), ids(&template, "x", true));
        let bos = (whole.len() > bare.len()).then(|| whole[0]).filter(|first| Some(first) != bare.first());
        let spaced = bare.first().is_some_and(|id| {
            bytes.get(*id as usize).and_then(Option::as_deref).is_some_and(|bytes| bytes.starts_with(b" "))
        });
        let guard = if spaced { ids(&plain, GUARD, false) } else { Vec::new() };
        let order = order.into_iter().map(|(_, id)| id).collect();
        let limits = Guard::new(Splitter::Linear, true, bytes.iter().flatten().map(Vec::as_slice));
        Ok(Self { template, plain, guard, limits, added: spelled, bos, bytes, order })
    }

    /// Size of the vocabulary.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Tokens of a text, without a beginning; of one that needs more than `context` an error.
    pub(crate) fn encode(&self, text: &str, how: Encode, context: usize) -> Result<Vec<TokenId>, ModelError> {
        self.limits.encode(text, context, |part| self.whole(part, how))
    }

    fn whole(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        if how == Encode::Template {
            return self.part(&self.template, text);
        }
        let mut tokens = Vec::new();
        for part in cut(text, &self.added) {
            tokens.extend(self.part(&self.plain, part)?);
        }
        Ok(tokens)
    }

    fn part(&self, tokenizer: &tokenizers::Tokenizer, text: &str) -> Result<Vec<TokenId>, ModelError> {
        let ids = |text: &str| {
            tokenizer.encode(text, false).map(|encoding| encoding.get_ids().to_vec()).map_err(|error| {
                ModelError::BadRequest(format!("the tokenizer cannot encode a text: {error}"))
            })
        };
        if self.guard.is_empty() || text.is_empty() {
            return ids(text);
        }
        let guarded = ids(&format!("{GUARD}{text}"))?;
        match guarded.strip_prefix(self.guard.as_slice()) {
            Some(own) => Ok(own.to_vec()),
            // A vocabulary that merges the guard after all: a leading space is the lesser evil.
            None => ids(text),
        }
    }

    /// The token of a spelling, if it is one.
    pub(crate) fn token(&self, spelling: &str) -> Option<TokenId> {
        self.template.token_to_id(spelling)
    }
}

/// Cuts a text inside every spelling, so that no part is one.
pub(crate) fn cut<'t>(text: &'t str, spellings: &[String]) -> Vec<&'t str> {
    let mut cuts: Vec<usize> = Vec::new();
    for spelling in spellings.iter().filter(|spelling| !spelling.is_empty()) {
        let first = spelling.chars().next().map_or(1, char::len_utf8);
        // A token of one character cannot be cut, and does no harm.
        if first < spelling.len() {
            cuts.extend(text.match_indices(spelling.as_str()).map(|(at, _)| at + first));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    let ends = cuts.into_iter().chain([text.len()]);
    let mut start = 0;
    ends.map(|end| &text[std::mem::replace(&mut start, end)..end]).filter(|part| !part.is_empty()).collect()
}

/// `<0x0A>`.
fn byte_token(text: &str) -> Option<u8> {
    let hex = text.strip_prefix("<0x")?.strip_suffix('>')?;
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok()).flatten()
}

/// Byte-level vocabularies write every byte as a letter: printable ones of Latin-1 as themselves, the others, in order, from
/// U+0100 on.
fn letters() -> std::collections::HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let letter = if printable(byte) {
                char::from(byte)
            } else {
                next += 1;
                char::from_u32(next - 1)?
            };
            Some((letter, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str) -> Tokenizer {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../egcfg-hub/tests/data");
        Tokenizer::read(&data.join(name).join("tokenizer.json")).unwrap()
    }

    fn text(tokenizer: &Tokenizer, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|t| tokenizer.bytes[*t as usize].as_deref().unwrap()).copied().collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn tokens_join_to_their_text_in_every_family() {
        for name in ["deepseek-coder", "codellama", "smollm", "qwen2.5-coder"] {
            let tokenizer = family(name);
            for sample in
                ["def f(x):\n    return x\n", " leading", "\u{e9}\u{4e16} \u{1f600}", "\n\n\t", "a  b"]
            {
                let tokens = tokenizer.encode(sample, Encode::Plain, 100).unwrap();
                assert_eq!(text(&tokenizer, &tokens), sample, "{name}");
            }
        }
    }

    #[test]
    fn a_spelled_special_token_stays_text_unless_a_template_wrote_it() {
        for (name, spelling) in [
            ("deepseek-coder", "<|EOT|>"),
            ("deepseek-coder", "<\u{ff5c}fim\u{2581}hole\u{ff5c}>"),
            ("codellama", "</s>"),
            ("qwen2.5-coder", "<|im_end|>"),
        ] {
            let tokenizer = family(name);
            let id = tokenizer.token(spelling).unwrap();
            assert_eq!(tokenizer.encode(spelling, Encode::Template, 100).unwrap(), [id], "{name} {spelling}");
            let plain = tokenizer.encode(&format!("x{spelling}y"), Encode::Plain, 100).unwrap();
            assert!(!plain.contains(&id), "{name} {spelling}");
            assert_eq!(text(&tokenizer, &plain), format!("x{spelling}y"), "{name}");
        }
    }

    #[test]
    fn the_beginning_is_known_where_the_file_tells_it() {
        assert_eq!(family("codellama").bos, Some(1));
        assert_eq!(family("qwen2.5-coder").bos, None);
    }

    #[test]
    fn what_is_no_tokenizer_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"model\": 3}").unwrap();
        let said = Tokenizer::read(file.path()).unwrap_err().to_string();
        assert!(said.contains("no tokenizer.json that can be used"), "{said}");
    }
}
