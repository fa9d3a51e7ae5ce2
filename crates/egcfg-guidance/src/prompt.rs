//! The two prompts of a task as tokens. Plain: the message and the opening of the answer, encoded whole. Guided: the same
//! tokens with the signal block between them, so that both streams share the beginning and continue with exactly the same
//! answer tokens. Where the template puts the block inside a token of the whole (two newlines that are one token), the
//! halves of that token go to the block, so that every seam lies where the tokenizer cuts. Special tokens are recognised
//! only in what a chat template wrote, never in a user's or a program's text.

use egcfg_model::{ChatTemplate, Encode, LanguageModel, ModelError, TokenId};
use egcfg_task::Task;

use crate::template::{RenderedPrompt, Template};

/// The encoded prompt of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// All tokens of the plain prompt.
    plain: Vec<TokenId>,
    /// How many of them stand before the block, and how many up to where it ends.
    before: usize,
    after: usize,
    /// Text of a divided token: the half that opens the block and the half that ends it.
    pub(crate) seam: Seam,
    /// Code that stands in the answer's opening already (a completion task's header).
    pub(crate) code_prefix: String,
    /// The answer begins inside an opened code block.
    pub(crate) fence_open: bool,
    /// Bytes with which the next token has to begin: the end of an opening that the tokenizer might merge with what follows.
    pub(crate) pending: Vec<u8>,
}

/// What a block has to open and to end with, so that it stands between whole tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seam {
    pub(crate) lead: String,
    pub(crate) trail: String,
}

impl Prompt {
    /// Encodes the prompt of a task; `opening` is written into the answer (see [`crate::open`]).
    pub(crate) fn build(
        model: &dyn LanguageModel,
        rendered: &RenderedPrompt,
        opening: Option<&str>,
    ) -> Result<Self, ModelError> {
        let answer = format!("{}{}", rendered.answer, opening.unwrap_or_default());
        let mut plain = rendered.wrap_open.prompt(model, &[])?;
        let start = plain.len();
        let message = format!("{}{}", rendered.head, rendered.tail);
        if rendered.wrap_close.is_empty() {
            plain.extend(model.encode(&(message + &answer), Encode::Plain)?);
        } else {
            plain.extend(model.encode(&message, Encode::Plain)?);
            plain.extend(rendered.wrap_close.tokens(model, &[])?);
            plain.extend(model.encode(&answer, Encode::Plain)?);
        }
        let (before, after, seam) = divide(model, rendered, &plain, start)?;
        let (fence_open, code) = match answer.rfind("```") {
            Some(fence) => {
                let rest = &answer[fence..];
                (true, rest.find('\n').map_or("", |newline| &rest[newline + 1..]).to_owned())
            }
            None => (false, answer),
        };
        let mut prompt =
            Self { plain, before, after, seam, code_prefix: code, fence_open, pending: Vec::new() };
        if opening.is_some() {
            prompt.hold_back(model);
        }
        Ok(prompt)
    }

    /// Takes the last token of the opening back, to be chosen by the model together with what follows it.
    fn hold_back(&mut self, model: &dyn LanguageModel) {
        let Some(last) = self.plain.last().filter(|_| self.plain.len() > self.after.max(1)) else { return };
        let bytes = model.token_bytes(*last);
        let kept = self.code_prefix.len().checked_sub(bytes.len());
        let Some(kept) = kept.filter(|at| self.code_prefix.as_bytes()[*at..] == *bytes) else { return };
        if bytes.is_empty() || !self.code_prefix.is_char_boundary(kept) {
            return;
        }
        self.pending = bytes.to_vec();
        self.code_prefix.truncate(kept);
        self.plain.pop();
    }

    /// Appends the token with which the model goes on from what was held back.
    pub(crate) fn heal(&mut self, model: &dyn LanguageModel, token: TokenId) {
        self.plain.push(token);
        self.code_prefix.push_str(&String::from_utf8_lossy(model.token_bytes(token)));
        self.pending.clear();
    }

    /// Tokens of the plain prompt.
    pub(crate) fn plain(&self) -> Vec<TokenId> {
        self.plain.clone()
    }

    /// Tokens of the guided prompt with this signal block.
    pub(crate) fn guided(&self, signal: &[TokenId]) -> Vec<TokenId> {
        [&self.plain[..self.before], signal, &self.plain[self.after..]].concat()
    }

    /// Length of the plain prompt in tokens.
    pub(crate) fn len(&self) -> usize {
        self.plain.len()
    }
}

/// Where the block stands among the plain prompt's tokens: behind the last token that ends before it and before the first
/// that begins after it.
fn divide(
    model: &dyn LanguageModel,
    rendered: &RenderedPrompt,
    plain: &[TokenId],
    start: usize,
) -> Result<(usize, usize, Seam), ModelError> {
    let message = format!("{}{}", rendered.head, rendered.tail);
    let (at, mut offset, mut index) = (rendered.head.len(), 0, start);
    while index < plain.len() && offset < at {
        offset += model.token_bytes(plain[index]).len();
        index += 1;
    }
    let spelled = plain[start..index].iter().flat_map(|token| model.token_bytes(*token)).copied();
    let faithful =
        offset >= at && offset <= message.len() && spelled.eq(message.as_bytes()[..offset].iter().copied());
    if faithful && offset == at {
        return Ok((index, index, Seam::default()));
    }
    let begin =
        offset.saturating_sub(index.checked_sub(1).map_or(0, |last| model.token_bytes(plain[last]).len()));
    if faithful && let (Some(lead), Some(trail)) = (message.get(begin..at), message.get(at..offset)) {
        let seam = Seam { lead: lead.to_owned(), trail: trail.to_owned() };
        return Ok((index - 1, index, seam));
    }
    // Tokens that do not spell the text (a marker for spaces, say): the longest beginning that both encodings share.
    let head = model.encode(&rendered.head, Encode::Plain)?;
    let shared = head.iter().zip(&plain[start..]).take_while(|(a, b)| a == b).count();
    Ok((start + shared, start + shared, Seam::default()))
}

/// Renders a task's prompt for a model.
pub(crate) fn render(
    model: &dyn LanguageModel,
    template: &Template,
    task: &Task,
) -> Result<RenderedPrompt, crate::template::TemplateError> {
    template.render(task, ChatTemplate::of(model))
}

#[cfg(test)]
mod tests {
    use egcfg_model::{ChatText, ScriptedModel};

    use super::*;

    /// Single characters, and tokens that merge newlines and a parenthesis with what follows.
    fn merging() -> ScriptedModel {
        let letters = (9..127_u8).map(|byte| (byte as char).to_string());
        let merged = ["", "\n\n", "(x", "def ", ")\n"].map(str::to_owned);
        let vocab: Vec<String> = merged.into_iter().chain(letters).collect();
        ScriptedModel::hashed(&vocab, 1)
    }

    fn rendered(head: &str, tail: &str, answer: &str) -> RenderedPrompt {
        let (head, tail, answer) = (head.to_owned(), tail.to_owned(), answer.to_owned());
        RenderedPrompt { wrap_open: ChatText::default(), head, tail, wrap_close: ChatText::default(), answer }
    }

    #[test]
    fn the_plain_prompt_is_encoded_whole() {
        let model = merging();
        for (head, tail) in [("f(1)\n", "\n### Code\n"), ("f(1)\n\n", "### Code\n"), ("f", "\n\n#\n")] {
            let prompt = Prompt::build(&model, &rendered(head, tail, "def "), None).unwrap();
            let whole = model.encode(&format!("{head}{tail}def "), Encode::Plain).unwrap();
            assert_eq!(prompt.plain(), whole, "{head:?} {tail:?}");
        }
    }

    #[test]
    fn seams_of_the_guided_prompt_lie_where_the_tokenizer_cuts() {
        let model = merging();
        for (head, tail) in [
            ("f(1)\n", "\n### Code\n"),
            ("f(1)\n\n", "### Code\n"),
            ("a", "b\n"),
            ("f(1)", "\n#\n"),
            ("", "#\n"),
        ] {
            let prompt = Prompt::build(&model, &rendered(head, tail, ""), None).unwrap();
            let block = format!("{}## Runs\nf{}", prompt.seam.lead, prompt.seam.trail);
            let guided = prompt.guided(&model.encode(&block, Encode::Plain).unwrap());
            let whole = model.encode(&format!("{head}## Runs\nf{tail}"), Encode::Plain).unwrap();
            assert_eq!(model.text(&guided), model.text(&whole), "{head:?} {tail:?}");
            // A block that ends in a letter leaves its surroundings alone: the tokens are those of the whole.
            assert_eq!(guided, whole, "{head:?} {tail:?}");
        }
    }

    #[test]
    fn the_end_of_an_opening_is_held_back_until_the_model_goes_on() {
        let model = merging();
        let mut prompt =
            Prompt::build(&model, &rendered("t\n", "### Code\n", "```python\n"), Some("def f(")).unwrap();
        assert_eq!((prompt.code_prefix.as_str(), prompt.pending.as_slice()), ("def f", b"(".as_slice()));
        assert!(prompt.fence_open && model.text(&prompt.plain()).ends_with("def f"));
        prompt.heal(&model, 2);
        assert_eq!((prompt.code_prefix.as_str(), prompt.pending.len()), ("def f(x", 0));
    }
}
