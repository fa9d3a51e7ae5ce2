//! The guided prompt of a task whose block holds given programs: what a model is shown that has seen what was tried. Training
//! by distillation reads it as the teacher's prompt.

use std::sync::Arc;

use egcfg_model::TokenId;
use futures::future::try_join_all;

use crate::candidate::{Candidate, Executed};
use crate::error::GuidanceError;
use crate::prompt::{Prompt, render};
use crate::session::Session;
use crate::settings::Settings;
use crate::signal::Writer;

/// Runs the programs on the shown tests, traced, and writes them into the block as a generation would: worst first, best
/// last, of equal programs one, each opened by its outcome where the configuration says so. `answer` is how many tokens must
/// find room behind the prompt. `None` where no program can be shown: none has an executable form, or none fits.
pub async fn guided_prompt_tokens(
    session: Session<'_>,
    settings: &Settings,
    programs: &[&str],
    answer: usize,
) -> Result<Option<Vec<TokenId>>, GuidanceError> {
    let rendered = render(session.model, session.template, session.task)?;
    let prompt = Prompt::build(session.model, &rendered, None)?;
    let mut entries: Vec<Executed> = Vec::new();
    for (id, source) in programs.iter().enumerate() {
        let Some(program) = egcfg_python::executable_form(source, settings.python) else { continue };
        let normal = egcfg_python::normal_form(&program, settings.python).unwrap_or_else(|| program.clone());
        if entries.iter().any(|other| other.normal == normal) {
            continue;
        }
        let candidate = Candidate {
            id,
            seed: 0,
            tokens: Vec::new(),
            rows: Vec::new(),
            first_row: 0,
            end_token: None,
            finished: true,
        };
        let (candidate, observations) = (Arc::new(candidate), Arc::default());
        entries.push(Executed { candidate, program, normal, observations });
    }
    let runs = entries.iter().map(|one| async {
        if let Some(known) = session.cache.get(&one.program) {
            return Ok(known);
        }
        let seen = session.executor.observe(session.task, &one.program).await?;
        Ok::<_, GuidanceError>(session.cache.insert(one.program.clone(), seen))
    });
    let seen = try_join_all(runs).await?;
    for (one, observations) in entries.iter_mut().zip(seen) {
        one.observations = observations;
    }
    entries.sort_by_key(Executed::rank);
    let room = session.model.info().context.saturating_sub(prompt.len() + answer + 1);
    let template = session.template;
    let writer = Writer {
        model: session.model,
        task: session.task,
        style: settings.signal_style.unwrap_or(template.signal),
        heading: template.heading.as_deref(),
        outcome: settings.config.switches.outcome,
        seam: &prompt.seam,
        budget: settings.signal_tokens.or(template.signal_tokens).map_or(room, |limit| limit.min(room)),
    };
    let block = writer.write(&entries)?;
    Ok((block.entries > 0).then(|| prompt.guided(&block.tokens)))
}
