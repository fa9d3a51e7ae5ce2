//! From drawn experiences to training examples: the target model's own prompt of the task, and the answer as its tokens.

use std::collections::HashMap;

use egcfg_guidance::{Template, prompt_tokens};
use egcfg_model::{Encode, LanguageModel, TokenId};
use egcfg_task::Task;

use super::one::vocabulary;
use crate::error::TuneError;
use crate::replay::Experience;
use crate::train::{EXAMPLE_VERSION, Example};

/// Examples for `model` of drawn experiences. Tokens are taken as they were written where the vocabulary is the same; any
/// other program is encoded as the target would write it: the code, the template's end, an end token. Experiences of unknown
/// tasks are left out and counted.
pub fn examples_of(
    drawn: &[&Experience],
    tasks: &[Task],
    model: &dyn LanguageModel,
    template: &Template,
) -> Result<(Vec<Example>, usize), TuneError> {
    let (known, own) =
        (tasks.iter().map(|t| (t.id.as_str(), t)).collect::<HashMap<_, _>>(), vocabulary(model));
    let mut prompts = HashMap::<&str, Vec<u32>>::new();
    let (mut examples, mut unknown) = (Vec::with_capacity(drawn.len()), 0);
    for experience in drawn {
        let Some(task) = known.get(experience.problem_id.as_str()).copied() else {
            unknown += 1;
            continue;
        };
        let failed = |reason: String| TuneError::Task { task: task.id.clone(), reason };
        if !prompts.contains_key(task.id.as_str()) {
            let tokens = prompt_tokens(model, template, task).map_err(|error| failed(error.to_string()))?;
            prompts.insert(&task.id, tokens);
        }
        // Whatever the file says of their vocabulary, tokens that this model does not have are another's.
        let known = |token: &TokenId| (*token as usize) < model.info().vocab;
        let own_tokens = experience.vocabulary == own && experience.tokens.iter().all(known);
        let answer = if !experience.tokens.is_empty() && own_tokens {
            experience.tokens.clone()
        } else {
            let text = foreign(&experience.code, template);
            let mut tokens = model.encode(&text, Encode::Plain).map_err(|error| failed(error.to_string()))?;
            tokens.extend(model.info().end_tokens.first());
            tokens
        };
        examples.push(Example {
            version: EXAMPLE_VERSION,
            task_id: task.id.clone(),
            prompt: prompts.get(task.id.as_str()).cloned().unwrap_or_default(),
            answer,
            weight: 1.0,
            teacher: None,
        });
    }
    Ok((examples, unknown))
}

/// Another model's program as the target would end it.
fn foreign(code: &str, template: &Template) -> String {
    let fence = template.end.iter().find(|end| end.contains("```"));
    let opened = template.answer.contains("```");
    match fence {
        Some(_) if opened => format!("{}\n```", code.trim_end()),
        _ => format!("{}\n", code.trim_end()),
    }
}
