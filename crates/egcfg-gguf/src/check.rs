//! Whether a file is a language model that an engine may be given. The engine ends the whole process at numbers that
//! contradict each other (a model without layers, tokens that occur twice), and says little about files that are for
//! something else; here both are errors that name the field.

use std::path::{Path, PathBuf};

use crate::HeadError;
use crate::head::Head;
use crate::metadata::{TOKENS, Value};

/// The engine's own limits.
const MOST_LAYERS: i128 = 512;
const MOST_EXPERTS: i128 = 1024;
/// Far beyond any model, and far below where products overflow.
const LONGEST_CONTEXT: i128 = 1 << 30;
const WIDEST: i128 = 1 << 20;

/// Families that turn texts into vectors and write nothing.
const EMBEDDERS: [&str; 11] = [
    "bert",
    "modern-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "neo-bert",
    "jina-bert-v2",
    "jina-bert-v3",
    "eurobert",
    "t5encoder",
    "gemma-embedding",
    "wavtokenizer-dec",
];

/// Reads and checks a model's file and, where it is the first of several parts, the others. Returns the heads, the first
/// part's first.
pub fn check_model(path: &Path) -> Result<Vec<Head>, HeadError> {
    let first = Head::open(path)?;
    is_model(&first)?;
    let mut heads = vec![first];
    for part in other_parts(path, &heads[0])? {
        let head = Head::open(&part).map_err(|error| {
            let name = part.file_name().unwrap_or_default().to_string_lossy().into_owned();
            HeadError::new(&format!("part {name}"), error.to_string())
        })?;
        heads.push(head);
    }
    let total: usize = heads.iter().map(|head| head.tensors.len()).sum();
    if let Some(count) = heads[0].int("split.tensors.count").filter(|count| *count != total as i128) {
        let reason =
            format!("says {count}, but the parts hold {total} tensors: one of them is of another model");
        return Err(HeadError::new("split.tensors.count", reason));
    }
    tensors(&heads)?;
    Ok(heads)
}

/// What the file is for, and whether its numbers can be those of a model.
fn is_model(head: &Head) -> Result<(), HeadError> {
    let fail = |field: &str, reason: String| Err(HeadError::new(field, reason));
    match head.text("general.type") {
        Some("adapter") => {
            return fail("general.type", "the file is an adapter, not a model: name the model it was made for, and this file with --lora".into());
        }
        Some("mmproj") => {
            return fail(
                "general.type",
                "the file is a projector for pictures (mmproj), not a language model".into(),
            );
        }
        Some(other @ ("imatrix" | "vocab" | "controlvector")) => {
            return fail("general.type", format!("the file is of type {other:?}, not a model"));
        }
        _ => {}
    }
    let Some(family) = head.text("general.architecture") else {
        return fail("general.architecture", "is missing: the file does not say what it holds".into());
    };
    if family == "clip" {
        return fail(
            "general.architecture",
            "the file is a projector for pictures (mmproj), not a language model".into(),
        );
    }
    if family == "controlvector" {
        return fail("general.architecture", "the file is a control vector, not a model".into());
    }
    if EMBEDDERS.contains(&family) {
        return fail(
            "general.architecture",
            format!("{family} is an embedding model: it makes vectors of texts and writes none"),
        );
    }
    if head.int("split.no").is_some_and(|number| number != 0) {
        return fail(
            "split.no",
            "the file is a later part of several; name the first one (-00001-of-...)".into(),
        );
    }
    if head.tensors.is_empty() && head.int("split.count").is_none_or(|count| count <= 1) {
        return fail("tensor count", "is 0: the file holds a vocabulary only, no weights".into());
    }
    numbers(head, family)?;
    vocabulary(head)
}

fn numbers(head: &Head, family: &str) -> Result<(), HeadError> {
    let at = |name: &str| format!("{family}.{name}");
    let whole = |name: &str, least: i128, most: i128| -> Result<Option<i128>, HeadError> {
        let key = at(name);
        match head.meta.get(&key) {
            None => Ok(None),
            Some(Value::Int(number)) if (least..=most).contains(number) => Ok(Some(*number)),
            Some(Value::Int(number)) => {
                Err(HeadError::new(&key, format!("is {number}; {least} to {most} are possible")))
            }
            Some(_) => Err(HeadError::new(&key, "is no whole number")),
        }
    };
    let needed = |name: &str, least: i128, most: i128| {
        whole(name, least, most)?.ok_or_else(|| HeadError::new(&at(name), "is missing"))
    };
    needed("context_length", 1, LONGEST_CONTEXT)?;
    let width = needed("embedding_length", 1, WIDEST)?;
    let layers = needed("block_count", 1, MOST_LAYERS)?;
    per_layer(head, &at("feed_forward_length"), layers, 1 << 24)?;
    let heads = per_layer(head, &at("attention.head_count"), layers, 1 << 14)?;
    let shared = per_layer(head, &at("attention.head_count_kv"), layers, 1 << 14)?;
    if let ([heads], [shared]) = (heads.as_slice(), shared.as_slice())
        && *heads > 0
        && (*shared == 0 || heads % shared != 0)
    {
        let reason = format!("is {shared}, which does not divide the {heads} heads");
        return Err(HeadError::new(&at("attention.head_count_kv"), reason));
    }
    let side = whole("attention.key_length", 1, 1 << 14)?;
    whole("attention.value_length", 1, 1 << 14)?;
    if let [heads] = heads.as_slice() {
        if *heads == 0 && family != "rwkv7" {
            return Err(HeadError::new(&at("attention.head_count"), "is 0"));
        }
        if side.is_none() && *heads > 0 && width % heads != 0 {
            let reason = format!("is {heads}, which does not divide the width of {width}");
            return Err(HeadError::new(&at("attention.head_count"), reason));
        }
        let side = side.unwrap_or(width / (*heads).max(1));
        if let Some(turned) =
            whole("rope.dimension_count", 0, 1 << 14)?.filter(|turned| *turned > side || turned % 2 != 0)
        {
            let reason = format!("is {turned}, where a head has {side} numbers; it must be even and no more");
            return Err(HeadError::new(&at("rope.dimension_count"), reason));
        }
    }
    let experts = whole("expert_count", 0, MOST_EXPERTS)?.unwrap_or(0);
    let used =
        per_layer(head, &at("expert_used_count"), layers, MOST_EXPERTS)?.into_iter().max().unwrap_or(0);
    if used > experts || (experts > 0) != (used > 0) {
        return Err(HeadError::new(&at("expert_used_count"), format!("is {used} of {experts} experts")));
    }
    let groups = whole("expert_group_count", 0, MOST_EXPERTS)?.unwrap_or(0);
    if groups > 0 && (groups >= experts || experts % groups != 0) {
        return Err(HeadError::new(&at("expert_group_count"), format!("is {groups} for {experts} experts")));
    }
    if let Some(used) = whole("expert_group_used_count", 0, MOST_EXPERTS)?
        .filter(|used| groups > 1 && (*used == 0 || *used >= groups))
    {
        return Err(HeadError::new(&at("expert_group_used_count"), format!("is {used} of {groups} groups")));
    }
    whole("nextn_predict_layers", 0, layers)?;
    whole("attention.sliding_window", 0, LONGEST_CONTEXT)?;
    whole("rope.scaling.original_context_length", 0, LONGEST_CONTEXT)?;
    for (key, value) in &head.meta {
        if let Value::Real(number) = value
            && (!number.is_finite()
                || (key.contains("epsilon") && *number < 0.0)
                || (key.ends_with("rope.freq_base") && *number <= 0.0))
        {
            return Err(HeadError::new(key, format!("is {number}")));
        }
    }
    if let Some(scaling) = head.text(&at("rope.scaling.type"))
        && !["none", "linear", "yarn", "longrope"].contains(&scaling)
    {
        return Err(HeadError::new(&at("rope.scaling.type"), format!("{scaling:?} is not known")));
    }
    Ok(())
}

/// A number that may be one for all layers or one per layer.
fn per_layer(head: &Head, key: &str, layers: i128, most: i128) -> Result<Vec<i128>, HeadError> {
    let all = match head.meta.get(key) {
        None => return Ok(Vec::new()),
        Some(Value::Int(number)) => vec![*number],
        Some(Value::Array(array))
            if !array.texts
                && array.ints.len() as i128 >= layers
                && array.length == array.ints.len() as u64 =>
        {
            array.ints.clone()
        }
        Some(_) => {
            return Err(HeadError::new(
                key,
                format!("is neither a whole number nor one per layer ({layers})"),
            ));
        }
    };
    match all.iter().find(|number| !(0..=most).contains(*number)) {
        Some(bad) => Err(HeadError::new(key, format!("is {bad}; 0 to {most} are possible"))),
        None => Ok(all),
    }
}

fn vocabulary(head: &Head) -> Result<(), HeadError> {
    let model = head.text("tokenizer.ggml.model");
    if matches!(model, None | Some("no_vocab" | "none")) {
        return Err(HeadError::new(
            "tokenizer.ggml.model",
            "the file has no tokenizer: texts cannot become tokens",
        ));
    }
    let Some(tokens) = head.array(TOKENS).filter(|tokens| tokens.texts && tokens.length > 0) else {
        return Err(HeadError::new(TOKENS, "is missing or no list of texts"));
    };
    if let Some(twice) = &tokens.twice {
        let shown: String = twice.chars().take(40).collect();
        return Err(HeadError::new(TOKENS, format!("holds {shown:?} twice")));
    }
    if model == Some("llama") && tokens.byte_tokens < 256 {
        let reason = format!(
            "has {} of the 256 tokens for single bytes: a text with another character would end the engine",
            tokens.byte_tokens
        );
        return Err(HeadError::new(TOKENS, reason));
    }
    for key in ["tokenizer.ggml.scores", "tokenizer.ggml.token_type"] {
        match head.meta.get(key) {
            None => {}
            Some(Value::Array(array)) if !array.texts && array.length == tokens.length => {}
            Some(Value::Array(array)) => {
                let reason = format!("has {} entries for {} tokens", array.length, tokens.length);
                return Err(HeadError::new(key, reason));
            }
            Some(_) => return Err(HeadError::new(key, "is no list")),
        }
    }
    if model == Some("gpt2") && !head.array("tokenizer.ggml.merges").is_some_and(|merges| merges.texts) {
        return Err(HeadError::new(
            "tokenizer.ggml.merges",
            "is missing: this kind of tokenizer cannot do without",
        ));
    }
    for (key, value) in &head.meta {
        let Some(name) = key.strip_prefix("tokenizer.ggml.") else { continue };
        if !name.ends_with("_token_id") {
            continue;
        }
        match value {
            // A file may say with a large number that it has none.
            Value::Int(id)
                if (0..i128::from(tokens.length)).contains(id)
                    || *id == i128::from(u32::MAX)
                    || *id == -1 => {}
            Value::Int(id) => {
                let reason = format!("is {id}, outside the vocabulary of {} tokens", tokens.length);
                return Err(HeadError::new(key, reason));
            }
            _ => return Err(HeadError::new(key, "is no token's number")),
        }
    }
    Ok(())
}

/// The parts beside the first, by the names that the engine will look for.
fn other_parts(path: &Path, head: &Head) -> Result<Vec<PathBuf>, HeadError> {
    let count = match head.int("split.count") {
        None | Some(0 | 1) => return Ok(Vec::new()),
        Some(count @ 2..=99_999) => count as u32,
        Some(count) => return Err(HeadError::new("split.count", format!("is {count}"))),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let end = format!("-00001-of-{count:05}.gguf");
    let Some(stem) = name.strip_suffix(&end) else {
        let reason = format!(
            "the file is one of {count} parts, so its name must end in {end} for the others to be found"
        );
        return Err(HeadError::new("split.count", reason));
    };
    let parts: Vec<PathBuf> = (2..=count)
        .map(|number| path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf")))
        .collect();
    match parts.iter().find(|part| !part.is_file()) {
        Some(missing) => {
            let reason =
                format!("the part {} is missing", missing.file_name().unwrap_or_default().to_string_lossy());
            Err(HeadError::new("split.count", reason))
        }
        None => Ok(parts),
    }
}

/// Element types that the engine can compute with, and the embedding's rows.
fn tensors(heads: &[Head]) -> Result<(), HeadError> {
    for tensor in heads.iter().flat_map(|head| &head.tensors) {
        let vector = tensor.shape[1..].iter().all(|side| *side == 1);
        let known = match tensor.kind {
            0 => true,
            // Formats of intermediate results and whole numbers.
            9 | 15 | 24 | 25 | 27 | 28 => false,
            26 => vector,
            _ => !vector,
        };
        if !known {
            let reason =
                format!("has elements of type {}, with which such a tensor cannot be computed", tensor.kind);
            return Err(HeadError::new(&tensor.name, reason));
        }
    }
    let tokens = heads[0].array(TOKENS).map_or(0, |tokens| tokens.length);
    let embedding = heads.iter().find_map(|head| head.tensor("token_embd.weight"));
    match embedding {
        None => Err(HeadError::new("token_embd.weight", "is missing: the file holds no whole model")),
        Some(embedding) if embedding.shape.get(1) != Some(&tokens) => {
            let rows = embedding.shape.get(1).copied().unwrap_or(1);
            let reason =
                format!("has {rows} rows for {tokens} tokens: weights and tokenizer are of different models");
            Err(HeadError::new("token_embd.weight", reason))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
