//! Which splitter a byte-level tokenizer begins with. llama.cpp knows splitters by name, `tokenizer.json` spells them out;
//! here the spelled-out form is compared with those of the known families, part by part. What differs in a part that
//! matters is unknown: a wrong splitter gives other tokens silently.

use serde_json::{Value, json};

use crate::error::Problem;

/// The expression of Qwen2's splitter.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// DeepSeek-Coder's steps: line ends, words, punctuation, scripts without spaces; digits follow.
const DEEPSEEK_CODER: [&str; 4] =
    ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+"];

/// What a splitter does, without the fields that change no token.
#[derive(Debug, PartialEq)]
enum Step {
    /// Every match of an expression becomes a piece.
    Isolate(String),
    /// Every digit becomes a piece.
    Digits,
    /// Bytes become letters; before it, where true, GPT-2's expression splits.
    Bytes(bool),
    /// Not known here.
    Other(String),
}

/// llama.cpp's name of the splitter.
pub(crate) fn name(pre_tokenizer: &Value) -> Result<&'static str, Problem> {
    let mut steps = Vec::new();
    collect(pre_tokenizer, &mut steps);
    let isolates = |expected: &[&str], steps: &[Step]| {
        expected.len() == steps.len()
            && expected
                .iter()
                .zip(steps)
                .all(|(text, step)| matches!(step, Step::Isolate(own) if own == text))
    };
    match steps.as_slice() {
        [Step::Bytes(true)] => Ok("gpt-2"),
        [Step::Digits, Step::Bytes(true)] => Ok("smollm"),
        [step @ Step::Isolate(_), Step::Bytes(false)] if isolates(&[QWEN2], std::slice::from_ref(step)) => {
            Ok("qwen2")
        }
        [first @ .., Step::Digits, Step::Bytes(false)] if isolates(&DEEPSEEK_CODER, first) => {
            Ok("deepseek-coder")
        }
        _ => {
            let odd = steps.iter().find_map(|step| match step {
                Step::Other(what) => Some(what.clone()),
                _ => None,
            });
            Err(Problem::field(
                "pre_tokenizer",
                match odd {
                    Some(what) => format!("{what} is not known"),
                    None => "its steps are those of no known family (deepseek-coder, smollm, qwen2, gpt-2)"
                        .to_owned(),
                },
            ))
        }
    }
}

fn collect(value: &Value, steps: &mut Vec<Step>) {
    let kind = value["type"].as_str().unwrap_or("nothing");
    steps.push(match kind {
        "Sequence" => {
            for part in value["pretokenizers"].as_array().into_iter().flatten() {
                collect(part, steps);
            }
            return;
        }
        "Split" if value["behavior"] == "Isolated" && value["invert"] != json!(true) => {
            match (value["pattern"]["Regex"].as_str(), value["pattern"]["String"].as_str()) {
                (Some(text), _) => Step::Isolate(text.to_owned()),
                _ => Step::Other("a Split by a plain text".to_owned()),
            }
        }
        "Digits" if value["individual_digits"] == json!(true) => Step::Digits,
        "ByteLevel" if value["add_prefix_space"] == json!(false) => {
            Step::Bytes(value["use_regex"] != json!(false))
        }
        kind => Step::Other(format!("{kind} ({value})")),
    });
}
