//! The heads of the two distributions behind a token: what the plain and the guided stream would most probably have written,
//! and what the blend made of it. For people who look at a decision; nothing is decided by it.

use egcfg_model::{LanguageModel, LogProbs, TokenId};

use crate::blend::weight;
use crate::event::Alternative;

/// Tokens taken from each stream.
const EACH: usize = 5;

/// The most probable tokens of each stream, and the chosen one: at most 11, most probable under the blend first. `chosen`
/// is the token and its normalised log-probability, as [`crate::blend::choose`] gives them.
pub(crate) fn heads(
    model: &dyn LanguageModel,
    plain: Option<&LogProbs>,
    guided: Option<&LogProbs>,
    gamma: f64,
    chosen: (TokenId, f64),
) -> Vec<Alternative> {
    let mut ids = vec![chosen.0];
    for id in [plain, guided].into_iter().flatten().flat_map(|row| largest(row.values())) {
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
            let of = |row: Option<&LogProbs>| row.and_then(|row| rounded(row.get(id)));
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

/// The ids of the largest values, largest first; of equals the lowest id. One pass, since vocabularies are long.
fn largest(values: &[f32]) -> Vec<TokenId> {
    let mut best: Vec<(f32, TokenId)> = Vec::with_capacity(EACH + 1);
    let mut least = f32::NEG_INFINITY;
    for (id, value) in values.iter().enumerate() {
        if best.len() == EACH && *value <= least {
            continue;
        }
        let at = best.partition_point(|(other, _)| other >= value);
        best.insert(at, (*value, id as TokenId));
        best.truncate(EACH);
        least = best.last().map_or(f32::NEG_INFINITY, |(value, _)| *value);
    }
    best.into_iter().map(|(_, id)| id).collect()
}

/// Four decimals are more than a bar can show; `None` for a probability of zero, which JSON cannot hold as a logarithm.
fn rounded(value: f32) -> Option<f32> {
    value.is_finite().then(|| (value * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn the_largest_are_those_of_a_full_sort(values in proptest::collection::vec(-3i8..3, 0..40)) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mut ids: Vec<usize> = (0..values.len()).collect();
            ids.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
            let expected: Vec<TokenId> = ids.into_iter().take(EACH).map(|id| id as TokenId).collect();
            prop_assert_eq!(largest(&values), expected);
        }
    }
}
