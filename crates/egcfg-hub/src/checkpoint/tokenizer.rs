//! `tokenizer.json`, with what `tokenizer_config.json`, `generation_config.json` and `config.json` add, to the vocabulary
//! that GGUF holds: texts, kinds, merges or scores, special tokens, chat template.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::config::{Config, ids};
use super::{scores, split};
use crate::error::Problem;
use egcfg_gguf::Meta;

/// Kinds of tokens, by the format's numbers.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
}

/// A merge, in either of the two ways that they are written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Text(String),
    Pair(String, String),
}

impl Merge {
    fn pair(&self) -> Option<(&str, &str)> {
        match self {
            Self::Text(text) => text.split_once(' ').filter(|(_, right)| !right.contains(' ')),
            Self::Pair(left, right) => Some((left, right)),
        }
    }
}

/// How tokens are made from text.
enum Kind {
    /// Byte-level BPE: llama.cpp's name of the splitter, and the merges.
    Bytes(&'static str, Vec<String>),
    /// SentencePiece: scores, and whether a space goes before a text.
    Pieces(Vec<f32>, bool),
}

/// A vocabulary as GGUF holds it.
pub(crate) struct Vocabulary {
    kind: Kind,
    texts: Vec<String>,
    kinds: Vec<i32>,
    bos: Option<u32>,
    eos: Option<u32>,
    eot: Option<u32>,
    unknown: Option<u32>,
    pad: Option<u32>,
    add_bos: bool,
    chat_template: Option<String>,
}

/// The files beside `tokenizer.json` that say something about tokens; `Null` where there is none.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// `tokenizer_config.json`.
    pub(crate) tokenizer: Value,
    /// `generation_config.json`.
    pub(crate) generation: Value,
    /// `chat_template.jinja`.
    pub(crate) chat_template: Option<String>,
}

impl Vocabulary {
    pub(crate) fn parse(text: &[u8], beside: &Beside, config: &Config) -> Result<Self, Problem> {
        let raw: Raw = serde_json::from_slice(text)?;
        if let Some(kind) = raw.model.kind.as_deref().filter(|kind| *kind != "BPE") {
            return Err(Problem::field("model.type", format!("{kind:?} is not known; BPE is")));
        }
        for (field, value) in [
            ("model.continuing_subword_prefix", &raw.model.continuing_subword_prefix),
            ("model.end_of_word_suffix", &raw.model.end_of_word_suffix),
        ] {
            if value.as_deref().is_some_and(|value| !value.is_empty()) {
                return Err(Problem::field(field, "is not known"));
            }
        }
        if raw.model.ignore_merges {
            return Err(Problem::field("model.ignore_merges", "is not known"));
        }
        let (texts, mut kinds) = entries(&raw, config.vocab)?;
        let merges = merges(&raw.model)?;
        let kind = if raw.model.byte_fallback {
            let space = sentence_piece_space(&raw)?;
            mark_bytes(&texts, &mut kinds)?;
            Kind::Pieces(scores::of(&texts, &kinds, &merges, NORMAL)?, space)
        } else {
            check_normalizer(raw.normalizer.as_ref())?;
            let name = split::name(raw.pre_tokenizer.as_ref().unwrap_or(&Value::Null))?;
            Kind::Bytes(name, merges.iter().map(|(left, right)| format!("{left} {right}")).collect())
        };
        let by_text: HashMap<&str, u32> =
            texts.iter().enumerate().map(|(id, text)| (text.as_str(), id as u32)).collect();
        let named =
            |field: &str| special(&beside.tokenizer, field).and_then(|text| by_text.get(text)).copied();
        let unknown = named("unk_token").or_else(|| by_text.get(raw.model.unk_token.as_deref()?).copied());
        if let (Some(id), true) = (unknown, raw.model.byte_fallback) {
            kinds[id as usize] = UNKNOWN;
        }
        let generation_eos = ids(beside.generation.get("eos_token_id"));
        let eos = named("eos_token").or_else(|| config.eos.first().copied());
        // A second end token, such as a chat's, is kept as the end of a turn.
        let eot = generation_eos.iter().chain(&config.eos).find(|id| Some(**id) != eos).copied();
        let bos = named("bos_token").or(config.bos);
        let pad = named("pad_token");
        let add_bos = adds_bos(&beside.tokenizer, raw.post_processor.as_ref(), bos, &texts);
        let chat_template = beside.chat_template.clone().or_else(|| chat_template(&beside.tokenizer));
        for (field, id) in [("bos_token", bos), ("eos_token", eos), ("eos_token_id", eot)] {
            if let Some(id) = id.filter(|id| *id as usize >= texts.len()) {
                return Err(Problem::field(field, format!("{id} is outside the vocabulary")));
            }
        }
        Ok(Self { kind, texts, kinds, bos, eos, eot, unknown, pad, add_bos, chat_template })
    }

    /// The keys of the tokenizer.
    pub(crate) fn write(&self, meta: &mut Meta) {
        match &self.kind {
            Kind::Bytes(name, merges) => {
                meta.string("tokenizer.ggml.model", "gpt2");
                meta.string("tokenizer.ggml.pre", name);
                meta.strings("tokenizer.ggml.merges", merges);
            }
            Kind::Pieces(scores, space) => {
                meta.string("tokenizer.ggml.model", "llama");
                meta.string("tokenizer.ggml.pre", "default");
                meta.f32s("tokenizer.ggml.scores", scores);
                meta.flag("tokenizer.ggml.add_space_prefix", *space);
            }
        }
        meta.strings("tokenizer.ggml.tokens", &self.texts);
        meta.i32s("tokenizer.ggml.token_type", &self.kinds);
        for (key, id) in [
            // Without a beginning of its own llama.cpp would take token 11, which may be anything.
            ("bos", self.bos.or(self.eos)),
            ("eos", self.eos),
            ("eot", self.eot),
            ("unknown", self.unknown),
            ("padding", self.pad),
        ] {
            if let Some(id) = id {
                meta.u32(&format!("tokenizer.ggml.{key}_token_id"), id);
            }
        }
        meta.flag("tokenizer.ggml.add_bos_token", self.add_bos);
        meta.flag("tokenizer.ggml.add_eos_token", false);
        if let Some(template) = &self.chat_template {
            meta.string("tokenizer.chat_template", template);
        }
    }
}

/// Texts and kinds in the order of their ids, as many as the embedding has rows.
fn entries(raw: &Raw, rows: usize) -> Result<(Vec<String>, Vec<i32>), Problem> {
    let mut entries: Vec<Option<(String, i32)>> = vec![None; rows];
    let mut put = |id: u32, text: &str, kind: i32, field: &str| {
        let place = entries.get_mut(id as usize).ok_or_else(|| {
            Problem::field(field, format!("{text:?} has id {id}, but config.json's vocab_size is {rows}"))
        })?;
        if let Some((other, _)) = place.as_ref().filter(|(other, _)| other != text) {
            return Err(Problem::field(field, format!("{text:?} and {other:?} have the same id {id}")));
        }
        *place = Some((text.to_owned(), kind));
        Ok(())
    };
    for (text, id) in &raw.model.vocab {
        put(*id, text, NORMAL, "model.vocab")?;
    }
    for token in &raw.added_tokens {
        let kind = if token.special || looks_special(&token.content) { CONTROL } else { USER_DEFINED };
        put(token.id, &token.content, kind, "added_tokens")?;
    }
    Ok(entries
        .into_iter()
        .enumerate()
        .map(|(id, entry)| entry.unwrap_or_else(|| (format!("[PAD{id}]"), UNUSED)))
        .unzip())
}

/// Families forget to mark some of their control tokens as special; none of these shall be made from a program's text.
fn looks_special(text: &str) -> bool {
    let between = |start: &str, end: &str| text.starts_with(start) && text.ends_with(end);
    between("<|", "|>") || between("<\u{ff5c}", "\u{ff5c}>") || between("\u{2581}<", ">")
}

fn merges(model: &Model) -> Result<Vec<(&str, &str)>, Problem> {
    model
        .merges
        .iter()
        .enumerate()
        .map(|(rank, merge)| {
            let pair = merge
                .pair()
                .ok_or_else(|| Problem::field(format!("model.merges[{rank}]"), "is no pair of tokens"))?;
            let joined = [pair.0, pair.1].concat();
            if model.vocab.contains_key(&joined) {
                Ok(pair)
            } else {
                Err(Problem::field(
                    format!("model.merges[{rank}]"),
                    format!("makes {joined:?}, which is no token"),
                ))
            }
        })
        .collect()
}

/// Byte-level models: nothing, or what changes no token of text that is in composed form already.
fn check_normalizer(normalizer: Option<&Value>) -> Result<(), Problem> {
    let Some(value) = normalizer.filter(|value| !value.is_null()) else { return Ok(()) };
    let kind = value["type"].as_str().unwrap_or("nothing");
    match kind {
        "NFC" => Ok(()),
        "Sequence" => {
            value["normalizers"].as_array().into_iter().flatten().try_for_each(|v| check_normalizer(Some(v)))
        }
        _ => Err(Problem::field("normalizer", format!("{kind} is not known; NFC is"))),
    }
}

/// SentencePiece models: spaces become U+2581, by the normalizer or the splitter; whether one goes before the text.
fn sentence_piece_space(raw: &Raw) -> Result<bool, Problem> {
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "\u{2581}" });
    let prepend = json!({ "type": "Prepend", "prepend": "\u{2581}" });
    let normalizers = match raw.normalizer.as_ref().filter(|value| !value.is_null()) {
        None => &[][..],
        Some(value) if value["type"] == "Sequence" => {
            value["normalizers"].as_array().map_or(&[][..], Vec::as_slice)
        }
        Some(value) => std::slice::from_ref(value),
    };
    let splitter = raw.pre_tokenizer.as_ref().filter(|value| !value.is_null());
    match (normalizers, splitter) {
        ([first, second], None) if *first == prepend && *second == replace => Ok(true),
        ([only], None) if *only == replace => Ok(false),
        ([], Some(value)) if value["type"] == "Metaspace" && value["split"] == json!(false) => {
            match (value["replacement"].as_str(), value["prepend_scheme"].as_str()) {
                (Some("\u{2581}"), Some("first" | "always")) => Ok(true),
                (Some("\u{2581}"), Some("never")) => Ok(false),
                _ => Err(Problem::field("pre_tokenizer", format!("{value} is not known"))),
            }
        }
        (_, Some(value)) => Err(Problem::field(
            "pre_tokenizer",
            format!("{} is not known in a model with byte_fallback", value["type"]),
        )),
        (_, None) => Err(Problem::field("normalizer", "its steps are not those of a SentencePiece model")),
    }
}

/// The tokens `<0x00>` to `<0xFF>` stand for bytes; all 256 are needed.
fn mark_bytes(texts: &[String], kinds: &mut [i32]) -> Result<(), Problem> {
    let by_text: HashMap<&str, usize> = texts.iter().map(String::as_str).zip(0..).collect();
    for byte in 0..=255 {
        let text = format!("<0x{byte:02X}>");
        let id = by_text
            .get(text.as_str())
            .ok_or_else(|| Problem::field("model.vocab", format!("{text} is missing (byte_fallback)")))?;
        kinds[*id] = BYTE;
    }
    Ok(())
}

/// A special token's text: a text, or an object that holds one.
fn special<'a>(config: &'a Value, field: &str) -> Option<&'a str> {
    let value = config.get(field)?;
    value.as_str().or_else(|| value.get("content")?.as_str())
}

/// Whether a text begins with the beginning-of-sequence token: as said, else as the template of the post-processor has it.
fn adds_bos(config: &Value, post: Option<&Value>, bos: Option<u32>, texts: &[String]) -> bool {
    if let Some(said) = config.get("add_bos_token").and_then(Value::as_bool) {
        return said;
    }
    let Some(text) = bos.and_then(|id| texts.get(id as usize)) else { return false };
    let begins = |post: &Value| {
        post["type"] == "TemplateProcessing" && post["single"][0]["SpecialToken"]["id"] == json!(text)
    };
    post.is_some_and(|post| begins(post) || post["processors"].as_array().into_iter().flatten().any(begins))
}

/// The chat template, or the one named `default` of several.
fn chat_template(config: &Value) -> Option<String> {
    match config.get("chat_template")? {
        Value::String(text) => Some(text.clone()),
        Value::Array(named) => {
            let default = named.iter().find(|one| one["name"] == "default").or(named.first())?;
            default["template"].as_str().map(str::to_owned)
        }
        _ => None,
    }
}
