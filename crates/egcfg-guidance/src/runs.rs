//! Programs that were written and judged before, as entries of a signal block: the best of them, run once more, traced.

use std::sync::Arc;

use egcfg_model::TokenId;
use egcfg_python::PythonVersion;
use futures::future::try_join_all;

use crate::candidate::{Candidate, Executed};
use crate::error::GuidanceError;
use crate::session::Session;

/// A program of the past.
pub(crate) struct Past<'a> {
    pub(crate) program: &'a str,
    /// Its tokens, the one that ended it included.
    pub(crate) tokens: &'a [TokenId],
    /// Shown tests that it passes.
    pub(crate) passes: usize,
    /// Of programs that pass as many, the one with the higher rank is the better one; of equals the earlier.
    pub(crate) rank: f64,
}

/// The best `most` programs that differ, best first, numbered from `first`.
pub(crate) async fn best_runs(
    session: Session<'_>,
    python: PythonVersion,
    mut past: Vec<Past<'_>>,
    most: usize,
    first: usize,
) -> Result<Vec<Executed>, GuidanceError> {
    past.sort_by(|a, b| b.passes.cmp(&a.passes).then(b.rank.total_cmp(&a.rank)));
    let ends = &session.model.info().end_tokens;
    let mut taken: Vec<Executed> = Vec::new();
    for one in past {
        if taken.len() == most {
            break;
        }
        let Some(program) = egcfg_python::executable_form(one.program, python) else { continue };
        let normal = egcfg_python::normal_form(&program, python).unwrap_or_else(|| program.clone());
        if taken.iter().any(|other| other.normal == normal) {
            continue;
        }
        let mut tokens = one.tokens.to_vec();
        let end_token = tokens.pop_if(|token| ends.contains(token));
        let candidate = Candidate {
            id: first + taken.len(),
            seed: 0,
            first_row: tokens.len(),
            tokens,
            rows: Vec::new(),
            end_token,
            finished: true,
        };
        let (candidate, observations) = (Arc::new(candidate), Arc::default());
        taken.push(Executed { candidate, program, normal, observations });
    }
    let runs = taken.iter().map(|one| async {
        if let Some(known) = session.cache.get(&one.program) {
            return Ok(known);
        }
        let seen = session.executor.observe(session.task, &one.program).await?;
        Ok::<_, GuidanceError>(session.cache.insert(one.program.clone(), seen))
    });
    let seen = try_join_all(runs).await?;
    for (one, observations) in taken.iter_mut().zip(seen) {
        one.observations = observations;
    }
    Ok(taken)
}
