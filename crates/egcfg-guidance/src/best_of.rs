//! Best-of-N, the method to beat: plain samples of the whole answer, the first that passes the shown tests wins. The number
//! of samples is given, or follows from a budget of generated tokens (the token count of a guided run on the same task).

use egcfg_model::{Continuation, SampleRequest, StopReason, StopRule};
use egcfg_task::derive_seed;

use crate::error::GuidanceError;
use crate::event::{EVENT_VERSION, Event, Stop};
use crate::generate::{Generation, Session};
use crate::plain::last_bytes;
use crate::prompt::{Prompt, render};
use crate::settings::Settings;
use crate::solve::{Attempt, Solution, judge};
use crate::stats::Stats;

/// When to stop drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// After this many samples.
    Samples(usize),
    /// As soon as this many tokens were generated; the sample that crosses the line still counts, in best-of-N's favour.
    Tokens(usize),
}

/// Draws whole answers from the plain stream until one passes every shown test or the budget is spent. Temperature and
/// top-p are those of the settings' candidates.
pub async fn best_of(
    session: Session<'_>,
    settings: &Settings,
    budget: Budget,
) -> Result<Solution, GuidanceError> {
    let rendered = render(session.model, session.template, session.task)?;
    let prompt = Prompt::build(session.model, &rendered)?;
    let (context, model) = (session.model.info().context, session.model);
    if context < prompt.len() + 2 {
        return Err(egcfg_model::ModelError::ContextOverflow { needed: prompt.len() + 2, context }.into());
    }
    session.events.emit(&Event::Start {
        version: EVENT_VERSION,
        model: model.info().name.clone(),
        config: format!("best_of_t{}", settings.config.temperature),
        gamma: 0.0,
        retry: settings.retry,
        seed: settings.seed,
        prompt_tokens: prompt.len(),
    });
    let max_tokens = settings.max_new_tokens(session.task.form).min(context - prompt.len() - 1);
    // Inside an opened code block its end ends the answer; an answer that talks first is read to its end of text.
    let texts = if prompt.fence_open || !session.template.end.iter().any(|e| e.contains("```")) {
        session.template.end.clone()
    } else {
        Vec::new()
    };
    let longest = texts.iter().map(String::len).max().unwrap_or(1);
    let (mut solution, mut spent) = (Solution::default(), 0);
    let open = |drawn: usize, spent: usize| match budget {
        Budget::Samples(most) => drawn < most,
        Budget::Tokens(most) => drawn == 0 || spent < most,
    };
    while open(solution.attempts.len(), spent) {
        let number = solution.attempts.len().to_string();
        let labels = ["best_of", &session.task.id, &settings.retry.to_string(), &number];
        let request = SampleRequest {
            context: prompt.plain(),
            continuations: vec![Continuation {
                prefix: Vec::new(),
                tail: last_bytes(&prompt.code_prefix, longest.saturating_sub(1)).to_owned(),
                seed: derive_seed(settings.seed, &labels),
                stop: StopRule { max_tokens, newlines: None, texts: texts.clone() },
            }],
            temperature: settings.config.temperature.get(),
            top_p: settings.top_p,
            want_distributions: false,
        };
        let (samples, usage) = model.sample(request).await?;
        for sample in samples {
            spent += sample.tokens.len();
            let bytes: Vec<u8> = sample.tokens.iter().flat_map(|t| model.token_bytes(*t)).copied().collect();
            let answer = prompt.code_prefix.clone() + &String::from_utf8_lossy(&bytes);
            let code = crate::code::cut_at(&answer, &texts).unwrap_or(&answer);
            let program = egcfg_python::extract_program(code, session.task.defines()).code;
            let stats = Stats {
                accepted_tokens: sample.tokens.len(),
                prompt_tokens: prompt.len(),
                computed_tokens: usage.computed,
                cached_tokens: usage.cached,
                requests: usage.requests,
                lookups: usage.lookups,
                ..Stats::default()
            };
            let stop = if sample.stop == StopReason::Length { Stop::Length } else { sample.stop.into() };
            session.events.emit(&Event::Stopped {
                reason: stop,
                tokens: sample.tokens.len(),
                program: program.clone(),
            });
            let generation = Generation { program, answer, tokens: sample.tokens, stop, began: true, stats };
            let attempt: Attempt = judge(session, 0.0, settings.retry, generation).await?;
            let passed = attempt.passed();
            solution.attempts.push(attempt);
            if passed {
                return Ok(solution);
            }
        }
    }
    Ok(solution)
}
