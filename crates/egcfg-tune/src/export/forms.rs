//! One function per form. Likelihood forms hold the programs that pass every test; preference pairs hold one that passes
//! and one that fails on the same task; labels hold all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::replay::Experience;

/// A form that a library reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// TRL, `prompt` and `completion`.
    PromptCompletion,
    /// TRL, `messages` of a user and an assistant.
    Conversational,
    /// TRL, `prompt`, `chosen` and `rejected`.
    Preference,
    /// TRL (KTO), `prompt`, `completion` and a boolean `label`.
    Kto,
    /// `instruction`, `input` and `output`.
    Alpaca,
    /// `conversations`, with the `dataset_info.json` that names its columns.
    ShareGpt,
}

impl ExportForm {
    /// All forms, with their names on the command line.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::PromptCompletion, "prompt-completion"),
        (Self::Conversational, "conversational"),
        (Self::Preference, "preference"),
        (Self::Kto, "kto"),
        (Self::Alpaca, "alpaca"),
        (Self::ShareGpt, "sharegpt"),
    ];
}

/// The prompt of a task: as the model read it, and as a person would put it to an assistant.
pub type Prompts = BTreeMap<String, String>;

/// What came of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// File names and contents.
    pub files: Vec<(String, String)>,
    /// Records in the data file.
    pub records: usize,
    /// Tasks that have no prompt and were left out.
    pub unknown: usize,
}

/// Writes experiences in a form. Equal input gives equal bytes.
pub fn export(form: ExportForm, experiences: &[&Experience], prompts: &Prompts) -> Exported {
    let known: Vec<(&Experience, &str)> =
        experiences.iter().filter_map(|e| Some((*e, prompts.get(&e.problem_id)?.as_str()))).collect();
    let unknown = experiences.len() - known.len();
    let passing = || known.iter().filter(|(e, _)| e.passes());
    let user = |prompt: &str| json!([{"role": "user", "content": prompt}]);
    let assistant = |code: &str| json!([{"role": "assistant", "content": code}]);
    let records: Vec<Value> = match form {
        ExportForm::PromptCompletion => {
            passing().map(|(e, prompt)| json!({"prompt": prompt, "completion": e.code})).collect()
        }
        ExportForm::Conversational => passing()
            .map(|(e, prompt)| {
                json!({"messages": [
                    {"role": "user", "content": prompt},
                    {"role": "assistant", "content": e.code},
                ]})
            })
            .collect(),
        ExportForm::Preference => pairs(&known)
            .map(|(prompt, good, bad)| {
                json!({"prompt": user(prompt), "chosen": assistant(good), "rejected": assistant(bad)})
            })
            .collect(),
        ExportForm::Kto => known
            .iter()
            .map(|(e, prompt)| json!({"prompt": prompt, "completion": e.code, "label": e.passes()}))
            .collect(),
        ExportForm::Alpaca => {
            passing().map(|(e, prompt)| json!({"instruction": prompt, "input": "", "output": e.code})).collect()
        }
        ExportForm::ShareGpt => passing()
            .map(|(e, prompt)| {
                json!({"conversations": [
                    {"from": "human", "value": prompt},
                    {"from": "gpt", "value": e.code},
                ]})
            })
            .collect(),
    };
    let count = records.len();
    let mut files = Vec::new();
    if matches!(form, ExportForm::Alpaca | ExportForm::ShareGpt) {
        files.push(("egcfg.json".to_owned(), pretty(&Value::Array(records))));
        files.push(("dataset_info.json".to_owned(), pretty(&dataset_info(form))));
    } else {
        let lines: String = records.iter().map(|record| record.to_string() + "\n").collect();
        files.push(("egcfg.jsonl".to_owned(), lines));
    }
    Exported { files, records: count, unknown }
}

/// Of each task the most probable program that passes, against every program that fails.
fn pairs<'a>(known: &'a [(&'a Experience, &'a str)]) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let mut best: BTreeMap<&str, &Experience> = BTreeMap::new();
    for (e, _) in known.iter().filter(|(e, _)| e.passes()) {
        let held = best.entry(&e.problem_id).or_insert(e);
        if e.possibility > held.possibility {
            *held = e;
        }
    }
    known.iter().filter(|(e, _)| !e.passes()).filter_map(move |(e, prompt)| {
        best.get(e.problem_id.as_str()).map(|good| (*prompt, good.code.as_str(), e.code.as_str()))
    })
}

fn dataset_info(form: ExportForm) -> Value {
    if form == ExportForm::Alpaca {
        return json!({"egcfg": {
            "file_name": "egcfg.json",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        }});
    }
    json!({"egcfg": {
        "file_name": "egcfg.json",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations"},
        "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
    }})
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
