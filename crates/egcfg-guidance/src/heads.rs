//! The heads of the two distributions behind a token: what the plain and the guided stream would most probably have written,
//! and what the blend made of it. For people who look at a decision; nothing is decided by it.

use egcfg_model::{LanguageModel, LogProbs, TokenId};

use crate::blend::weight;
use crate::event::Alternative;

/// Tokens taken from each stream.
const EACH: usize = 5;

/// The most probable tokens of each stream, and the chosen one: at most 11, most probable under the blend first. `chosen`
/// is the token and its normalised log-probability, as [`crate::blend::decide`] gives them.
pub(crate) fn heads(
    model: &dyn LanguageModel,
    plain: Option<&LogProbs>,
    guided: Option<&LogProbs>,
    gamma: f64,
    chosen: (TokenId, f64),
) -> Vec<Alternative> {
    let mut ids = vec![chosen.0];
    for (id, _) in [plain, guided].into_iter().flatten().flat_map(|row| row.top(EACH)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    // The blend is normalised over the whole vocabulary; the chosen token's share gives the constant.
    let raw = |id: TokenId| match (plain, guided) {
        (Some(plain), Some(guided)) => weight(plain.get(id), guided.get(id), gamma),
        (Some(only), None) | (None, Some(only)) => f64::from(only.get(id)),
        (None, None) => f64::NEG_INFINITY,
    };
    let shift = chosen.1 - raw(chosen.0);
    let mut rows: Vec<(f64, Alternative)> = ids
        .into_iter()
        .map(|id| {
            let blended = raw(id) + shift;
            let text = String::from_utf8_lossy(model.token_bytes(id)).into_owned();
            let of = |row: Option<&LogProbs>| row.and_then(|row| row.known(id)).and_then(rounded);
            (
                blended,
                Alternative { text, plain: of(plain), guided: of(guided), blended: rounded(blended as f32) },
            )
        })
        .collect();
    // Stable: the chosen token stands first among equals.
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Four decimals are more than a bar can show; `None` for a probability of zero, which JSON cannot hold as a logarithm.
fn rounded(value: f32) -> Option<f32> {
    value.is_finite().then(|| (value * 1e4).round() / 1e4)
}
