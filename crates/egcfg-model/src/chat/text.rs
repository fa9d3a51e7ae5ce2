//! What a chat template wrote: its own words, with the places of the messages and of the model's begin and end tokens.
//! While a template is rendered, private-use characters stand for those places; no message can contain them, since no
//! message is there.

use crate::api::{Encode, LanguageModel, TokenId};
use crate::error::ModelError;

/// Around the name of a place: a message's number, `begin` or `end`.
pub(super) const OPEN: &str = "\u{e000}\u{e0ff}";
pub(super) const CLOSE: &str = "\u{e001}";
pub(super) const BEGIN: &str = "begin";
pub(super) const END: &str = "end";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The template's words, in which special tokens are recognised.
    Words(String),
    /// The content of a message.
    Content(usize),
    /// The model's begin-of-text token, as the template wants one.
    Begin,
    /// Its end-of-text token.
    End,
}

/// A conversation, or a part of one, as a template wrote it. Empty for a model without a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatText {
    pub(super) pieces: Vec<Piece>,
}

impl ChatText {
    /// Finds the places in a rendered text.
    pub(super) fn read(mut rest: &str) -> Self {
        let mut pieces = Vec::new();
        let words = |text: &str| (!text.is_empty()).then(|| Piece::Words(text.to_owned()));
        while let Some((before, marked)) = rest.split_once(OPEN) {
            pieces.extend(words(before));
            let Some((name, after)) = marked.split_once(CLOSE) else { break };
            pieces.extend(match name {
                BEGIN => Some(Piece::Begin),
                END => Some(Piece::End),
                number => number.parse().ok().map(Piece::Content),
            });
            rest = after;
        }
        pieces.extend(words(rest));
        Self { pieces }
    }

    /// Words of a template as they stand, without places.
    pub fn words(text: &str) -> Self {
        Self { pieces: vec![Piece::Words(text.to_owned())] }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What stands before a message's place and what stands after it; `None` where it has none.
    pub fn around(&self, message: usize) -> Option<(Self, Self)> {
        let at = self.pieces.iter().position(|piece| *piece == Piece::Content(message))?;
        let part = |pieces: &[Piece]| Self { pieces: pieces.to_vec() };
        Some((part(&self.pieces[..at]), part(&self.pieces[at + 1..])))
    }

    /// The tokens of a prompt that begins with this text, `contents` in their places. A model's begin-of-text token stands at
    /// the beginning once where the model asks for one, whether or not the template writes it.
    pub fn prompt(&self, model: &dyn LanguageModel, contents: &[&str]) -> Result<Vec<TokenId>, ModelError> {
        let mut tokens = self.tokens(model, contents)?;
        if let Some(begin) = model.info().bos {
            let written = tokens.iter().take_while(|token| **token == begin).count();
            tokens.drain(..written);
            tokens.insert(0, begin);
        }
        Ok(tokens)
    }

    /// The tokens of this text within a prompt.
    pub fn tokens(&self, model: &dyn LanguageModel, contents: &[&str]) -> Result<Vec<TokenId>, ModelError> {
        let (info, mut tokens) = (model.info(), Vec::new());
        for piece in &self.pieces {
            match piece {
                Piece::Words(text) => tokens.extend(model.encode(text, Encode::Template)?),
                Piece::Content(message) => {
                    let content = contents.get(*message).copied().unwrap_or_default();
                    tokens.extend(model.encode(content, Encode::Plain)?);
                }
                Piece::Begin => tokens.extend(info.bos),
                Piece::End => tokens.extend(info.end_of_text()),
            }
        }
        Ok(tokens)
    }

    /// The tag with which the text begins, if it begins with one: `<|im_end|>`, `<end_of_turn>`.
    pub(super) fn leading_tag(&self) -> Option<&str> {
        let blank = |piece: &&Piece| matches!(piece, Piece::Words(text) if text.trim().is_empty());
        match self.pieces.iter().find(|piece| !blank(piece)) {
            Some(Piece::Words(text)) => tag(text.trim_start()),
            _ => None,
        }
    }

    /// Ends a thought that the text leaves open, so that an answer can follow.
    pub(super) fn close_thought(&mut self) {
        let Some(Piece::Words(last)) = self.pieces.last_mut() else { return };
        let open = last.rfind("<think>").is_some_and(|at| !last[at..].contains("</think>"));
        if open {
            last.truncate(last.trim_end().len());
            last.push_str("\n\n</think>\n\n");
        }
    }
}

/// The tag with which a text begins: `<|im_end|>`, `<end_of_turn>`, `</s>`.
fn tag(text: &str) -> Option<&str> {
    let end = text.find('>')?;
    let tag = &text[..=end];
    let one = tag.starts_with('<') && tag.len() > 2 && tag.chars().count() <= 40;
    (one && !tag[1..].contains(['<', '\n', ' '])).then_some(tag)
}
