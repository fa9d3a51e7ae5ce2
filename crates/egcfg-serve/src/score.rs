//! Log-probabilities of prompts. Prompts whose scored parts follow the same tokens travel in one request, as drafts of one
//! context: so the engine computes what it would compute for a caller in this process.

use std::collections::HashMap;

use egcfg_model::{LanguageModel, LogProbs, ScoreRequest, TokenId};

use crate::draw::HELD;
use crate::error::ApiError;
use crate::rows::{Row, Wanted};

/// A scored prompt.
#[derive(Debug, Clone)]
pub(crate) struct Scored {
    /// One row per position from the first wanted one on.
    pub(crate) rows: Vec<Row>,
    /// The distribution after the prompt.
    pub(crate) last: Option<LogProbs>,
}

/// Scores prompts from a position on (at least 1); also how many tokens were cached.
pub(crate) async fn along(
    model: &dyn LanguageModel,
    prompts: &[Vec<TokenId>],
    from: &[usize],
    wanted: &Wanted,
) -> Result<(Vec<Scored>, usize), ApiError> {
    let positions: usize = prompts.iter().zip(from).map(|(prompt, from)| prompt.len() + 1 - from).sum();
    if positions * model.info().vocab.max(1) > HELD {
        return in_pieces(model, prompts, from, wanted).await;
    }
    let mut requests: Vec<ScoreRequest> = Vec::new();
    let mut places: HashMap<&[TokenId], usize> = HashMap::new();
    // Request and draft of each prompt.
    let mut found = Vec::with_capacity(prompts.len());
    for (prompt, from) in prompts.iter().zip(from) {
        let (context, draft) = prompt.split_at(*from);
        let at = *places.entry(context).or_insert_with(|| {
            requests.push(ScoreRequest { context: context.to_vec(), drafts: Vec::new() });
            requests.len() - 1
        });
        let drafts = &mut requests[at].drafts;
        let slot = drafts.iter().position(|known| known == draft).unwrap_or_else(|| {
            drafts.push(draft.to_vec());
            drafts.len() - 1
        });
        found.push((at, slot));
    }
    for request in &mut requests {
        if request.drafts.iter().all(Vec::is_empty) {
            request.drafts.clear();
        }
    }
    let replies = model.score_all(requests).await?;
    let cached = replies.iter().map(|reply| reply.usage.cached).sum();
    let mut scored = Vec::with_capacity(prompts.len());
    for ((prompt, from), (at, slot)) in prompts.iter().zip(from).zip(found) {
        let reply = &replies[at];
        let after = reply.after.get(slot).map(Vec::as_slice).unwrap_or_default();
        let before = std::iter::once(&reply.next).chain(after);
        let rows = prompt[*from..].iter().zip(before).map(|(token, row)| Row::of(row, *token, wanted));
        scored.push(Scored { rows: rows.collect(), last: Some(after.last().unwrap_or(&reply.next).clone()) });
    }
    Ok((scored, cached))
}

/// The same with few distributions at a time.
async fn in_pieces(
    model: &dyn LanguageModel,
    prompts: &[Vec<TokenId>],
    from: &[usize],
    wanted: &Wanted,
) -> Result<(Vec<Scored>, usize), ApiError> {
    let piece = (HELD / model.info().vocab.max(1)).max(1);
    let (mut all, mut cached) = (Vec::with_capacity(prompts.len()), 0);
    for (prompt, from) in prompts.iter().zip(from) {
        let mut scored = Scored { rows: Vec::new(), last: None };
        let mut start = *from;
        loop {
            let end = (start + piece).min(prompt.len());
            let draft = prompt[start..end].to_vec();
            let drafts = if draft.is_empty() { Vec::new() } else { vec![draft] };
            let reply = model.score(ScoreRequest { context: prompt[..start].to_vec(), drafts }).await?;
            if start == *from {
                cached += reply.usage.cached;
            }
            let after = reply.after.first().map(Vec::as_slice).unwrap_or_default();
            let before = std::iter::once(&reply.next).chain(after);
            scored.rows.extend(
                prompt[start..end].iter().zip(before).map(|(token, row)| Row::of(row, *token, wanted)),
            );
            if end == prompt.len() {
                scored.last = Some(after.last().unwrap_or(&reply.next).clone());
                break;
            }
            start = end;
        }
        all.push(scored);
    }
    Ok((all, cached))
}
