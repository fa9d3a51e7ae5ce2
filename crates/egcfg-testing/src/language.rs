//! A little language of Python lines over fourteen tokens, a task in it, and models that write it.

use egcfg_guidance::{Settings, Template, TemplateError};
use egcfg_model::{ScriptedModel, TokenId};
use egcfg_task::{NameError, Task, Test};

/// Tokens of the language. One holds a newline and the next line's indentation, one completes two lines.
pub const WORDS: [&str; 14] = [
    "",
    "def f(",
    "x):",
    "\n    ",
    "a",
    " = ",
    "x",
    " + ",
    "1",
    "2",
    "return ",
    "\n",
    "    pass\n\n    ",
    "```",
];

/// Ids into [`WORDS`].
pub mod id {
    use egcfg_model::TokenId;
    pub const END: TokenId = 0;
    pub const DEF: TokenId = 1;
    pub const ARGS: TokenId = 2;
    pub const LINE: TokenId = 3;
    pub const A: TokenId = 4;
    pub const IS: TokenId = 5;
    pub const X: TokenId = 6;
    pub const PLUS: TokenId = 7;
    pub const ONE: TokenId = 8;
    pub const TWO: TokenId = 9;
    pub const RETURN: TokenId = 10;
    pub const NEWLINE: TokenId = 11;
    pub const PASSES: TokenId = 12;
}

/// The vocabulary: the language's tokens and every ASCII character, so that any prompt can be encoded.
pub fn vocab() -> Vec<String> {
    let letters = (9..127_u8).map(|byte| (byte as char).to_string());
    WORDS.iter().map(|word| (*word).to_owned()).chain(letters).collect()
}

/// What may follow the last token.
fn allowed(last: TokenId, before: Option<TokenId>) -> &'static [TokenId] {
    match last {
        id::DEF => &[id::ARGS],
        id::ARGS => &[id::LINE],
        id::LINE | id::PASSES => &[id::A, id::RETURN],
        id::A if matches!(before, Some(id::LINE | id::PASSES)) => &[id::IS],
        id::IS | id::PLUS | id::RETURN => &[id::A, id::X, id::ONE, id::TWO],
        id::A | id::X | id::ONE | id::TWO => &[id::PLUS, id::LINE, id::NEWLINE],
        id::NEWLINE if before.is_some_and(|b| b < WORDS.len() as TokenId) => &[id::END, id::PASSES],
        _ => &[id::DEF],
    }
}

/// A model that writes the language; which of the allowed tokens it prefers is a hash of the whole context.
pub fn writer(seed: u64) -> ScriptedModel {
    let vocab = vocab();
    let size = vocab.len();
    let rule = move |context: &[TokenId]| {
        let last = context.last().copied().unwrap_or(0);
        let before = context.len().checked_sub(2).map(|i| context[i]);
        let mut logits = vec![-30.0; size];
        let hash = context.iter().fold(seed.wrapping_mul(0x9e37_79b9), |h, t| {
            (h ^ u64::from(*t)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
        });
        for (place, token) in allowed(last, before).iter().enumerate() {
            let mixed = (hash ^ place as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            logits[*token as usize] = ((mixed >> 40) as f32 / (1_u64 << 24) as f32) * 3.0;
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

/// A model whose next token after the last `### Code` line is given by a table of the answer so far: logits of some tokens,
/// all others at -9. The whole context is told too, so that it can depend on a signal.
pub fn by_answer(table: impl Fn(&str, &str) -> Vec<(TokenId, f32)> + Send + Sync + 'static) -> ScriptedModel {
    let vocab = vocab();
    let words = vocab.clone();
    let rule = move |context: &[TokenId]| {
        let text: String = context.iter().map(|t| words[*t as usize].as_str()).collect();
        let answer = text.rsplit("### Code\n").next().unwrap_or("");
        let mut logits = vec![-9.0; words.len()];
        for (token, logit) in table(answer, &text) {
            logits[token as usize] = logit;
        }
        logits
    };
    ScriptedModel::with_rule(&vocab, Box::new(rule))
}

/// A model that says what it is told, token by token, then ends.
pub fn parrot(answer: &'static str) -> ScriptedModel {
    let words = vocab();
    by_answer(move |said, _| {
        let rest = answer.strip_prefix(said).unwrap_or("");
        let next = (1..words.len())
            .filter(|i| !rest.is_empty() && rest.starts_with(&words[*i]))
            .max_by_key(|i| words[*i].len());
        vec![(next.unwrap_or(0) as TokenId, 9.0)]
    })
}

/// After a signal with a passing program the model wants `return 2`, else `return 1`.
pub fn believer() -> ScriptedModel {
    by_answer(|answer, text| match answer {
        "" => vec![(id::DEF, 3.0)],
        "def f(" => vec![(id::ARGS, 3.0)],
        "def f(x):" => vec![(id::LINE, 3.0)],
        "def f(x):\n    " => vec![(id::RETURN, 3.0)],
        "def f(x):\n    return " if text.contains("# pass") => vec![(id::ONE, 0.0), (id::TWO, 3.0)],
        "def f(x):\n    return " => vec![(id::ONE, 1.0), (id::TWO, 0.5)],
        "def f(x):\n    return 1" | "def f(x):\n    return 2" => vec![(id::NEWLINE, 3.0)],
        _ => vec![(id::END, 3.0)],
    })
}

/// Two tests of `f`.
pub fn task() -> Task {
    Task {
        id: "scripted/1".into(),
        prompt: "add".into(),
        entry_point: "f".into(),
        shown_tests: vec![Test::Assert("assert f(1) == 8".into()), Test::Assert("assert f(2) == 9".into())],
        ..Task::default()
    }
}

/// The template whose prompts the models know.
pub fn template() -> Result<Template, TemplateError> {
    Template::named("pocket")
}

/// Settings under a configuration name, with answers of at most 60 tokens.
pub fn settings(name: &str, gamma: f64) -> Result<Settings, NameError> {
    Ok(Settings { config: name.parse()?, gamma, max_tokens: Some(60), ..Settings::default() })
}
