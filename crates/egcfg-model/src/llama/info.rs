//! What a loaded file says about itself: the table of token bytes, the end tokens, and the facts that users see.

use llama_cpp_2::model::LlamaModel as Weights;

use crate::api::{ModelInfo, TokenId};
use crate::chat::{ChatError, ChatTemplate};

/// Bytes of every token, and which tokens end generation.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    bytes: Vec<u8>,
    /// Token i's bytes are `bytes[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    ends: Vec<bool>,
}

impl Vocabulary {
    /// Builds the table from entries in id order: bytes (empty for control tokens) and whether the token ends generation.
    pub(crate) fn new(entries: impl Iterator<Item = (Vec<u8>, bool)>) -> Self {
        let mut table = Self { bytes: Vec::new(), starts: vec![0], ends: Vec::new() };
        for (bytes, end) in entries {
            table.bytes.extend_from_slice(&bytes);
            table.starts.push(table.bytes.len() as u32);
            table.ends.push(end);
        }
        table
    }

    /// The table of a loaded file; `turn_end` is the text of a control token that ends a turn besides those that the library
    /// knows.
    pub(crate) fn of(weights: &Weights, turn_end: Option<&str>) -> Self {
        let vocab = weights.vocab();
        Self::new(vocab.tokens().map(|token| {
            let bytes = vocab.token_to_piece(token, false, None);
            let ends_turn = |tag: &str| vocab.token_to_piece(token, true, None) == tag.as_bytes();
            let end = vocab.is_eog(token) || (bytes.is_empty() && turn_end.is_some_and(ends_turn));
            (if end { Vec::new() } else { bytes }, end)
        }))
    }

    /// The bytes of every token.
    pub(crate) fn all_bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.starts.windows(2).map(|pair| &self.bytes[pair[0] as usize..pair[1] as usize])
    }

    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A token's bytes and whether it ends generation; nothing for an unknown id.
    pub(crate) fn token(&self, token: TokenId) -> (&[u8], bool) {
        let at = token as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(from), Some(to)) => (&self.bytes[*from as usize..*to as usize], self.ends[at]),
            _ => (&[], false),
        }
    }

    fn end_tokens(&self) -> Vec<TokenId> {
        (0..self.len() as TokenId).filter(|token| self.ends[*token as usize]).collect()
    }
}

/// The chat template of a file, if it carries one that can be used; why not, if it cannot.
pub(crate) fn chat_template(weights: &Weights) -> Result<Option<String>, ChatError> {
    let source = weights.chat_template(None).ok().and_then(|template| template.to_string().ok());
    source.map(ChatTemplate::probed).transpose()
}

/// The facts about loaded weights. `context` is what requests may use.
pub(crate) fn describe(
    weights: &Weights,
    vocabulary: &Vocabulary,
    name: &str,
    context: usize,
    chat_template: Result<Option<String>, ChatError>,
) -> ModelInfo {
    let vocab = weights.vocab();
    let meta = metadata(weights);
    let find = |key: &str| meta.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone());
    let mut details = vec![
        ("architecture".to_owned(), find("general.architecture").unwrap_or_default()),
        ("parameters".to_owned(), weights.n_params().to_string()),
        ("weights".to_owned(), format!("{} bytes", weights.size())),
        ("layers".to_owned(), weights.n_layer().to_string()),
        ("trained context".to_owned(), weights.n_ctx_train().to_string()),
    ];
    let trained = weights.n_ctx_train() as usize;
    if trained > 0 && context > trained {
        details.push((
            "warning".to_owned(),
            format!(
                "the context of {context} tokens is longer than the {trained} that the model was trained for; answers get \
                 worse beyond it"
            ),
        ));
    }
    if let Err(error) = &chat_template {
        let warning = format!("{error}; the model is asked without it");
        details.push(("warning".to_owned(), warning));
    }
    details.extend(
        meta.iter().filter(|(key, _)| key.starts_with("general.") || key.starts_with("egcfg.")).cloned(),
    );
    ModelInfo {
        name: find("general.name").filter(|name| !name.is_empty()).unwrap_or_else(|| name.to_owned()),
        vocab: vocabulary.len(),
        context,
        end_tokens: vocabulary.end_tokens(),
        bos: vocab.should_add_bos().then(|| vocab.bos().0).and_then(|id| TokenId::try_from(id).ok()),
        eos: TokenId::try_from(vocab.eos().0).ok(),
        chat_template: chat_template.unwrap_or_default(),
        prompt_template: find("egcfg.prompt_template"),
        parameters: Some(weights.n_params()),
        details,
    }
}

/// All scalar metadata by key; values that are no UTF-8 are left out.
fn metadata(weights: &Weights) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = (0..weights.meta_count())
        .filter_map(|index| {
            Some((weights.meta_key_by_index(index).ok()?, weights.meta_val_str_by_index(index).ok()?))
        })
        .collect();
    all.sort();
    all
}
