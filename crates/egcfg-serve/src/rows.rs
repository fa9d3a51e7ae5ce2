//! Lists of log-probabilities: the most probable tokens of a distribution, reduced as early as possible, and how they are
//! written as JSON.

use egcfg_model::{LanguageModel, LogProbs, TokenId};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// What JSON has in place of minus infinity.
const LEAST: f32 = -9999.0;

/// One position: the token that stands there and the list of the most probable ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The token and its log-probability.
    pub(crate) own: (TokenId, f32),
    /// Tokens more probable than it.
    pub(crate) above: usize,
    /// The most probable ones first (a list of the whole vocabulary stands in its order), then those asked for by id.
    pub(crate) top: Vec<(TokenId, f32)>,
}

/// Which tokens a list holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// How many of the most probable.
    pub(crate) top: usize,
    /// Tokens that are in it whatever their rank.
    pub(crate) ids: Vec<TokenId>,
}

impl Row {
    /// Reduces a distribution.
    pub(crate) fn of(distribution: &LogProbs, own: TokenId, wanted: &Wanted) -> Self {
        let values = distribution.values();
        let value = distribution.get(own);
        let entry = |id: usize| (id as TokenId, values[id]);
        let mut top: Vec<(TokenId, f32)> = if wanted.top >= values.len() {
            (0..values.len()).map(entry).collect()
        } else {
            best(values, wanted.top).into_iter().map(entry).collect()
        };
        if wanted.top < values.len() {
            for id in &wanted.ids {
                if !top.iter().any(|(listed, _)| listed == id) {
                    top.push((*id, distribution.get(*id)));
                }
            }
        }
        Self { own: (own, value), above: values.iter().filter(|other| **other > value).count(), top }
    }

    /// The list with the position's own token in it, as vLLM has it.
    pub(crate) fn with_own(&self) -> impl Iterator<Item = (TokenId, f32)> + '_ {
        let missing = !self.top.iter().any(|(id, _)| *id == self.own.0);
        self.top.iter().copied().chain(missing.then_some(self.own))
    }
}

/// Indices of the `most` largest values, largest first; of equals the lowest first.
fn best(values: &[f32], most: usize) -> Vec<usize> {
    if most == 0 {
        return Vec::new();
    }
    let order = |a: &usize, b: &usize| values[*b].total_cmp(&values[*a]).then(a.cmp(b));
    let mut ids: Vec<usize> = (0..values.len()).collect();
    if most < ids.len() {
        ids.select_nth_unstable_by(most - 1, order);
        ids.truncate(most);
    }
    ids.sort_unstable_by(order);
    ids
}

/// A number that JSON can carry.
pub(crate) fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { LEAST }
}

/// How tokens are named.
#[derive(Clone, Copy)]
pub(crate) struct Names<'m> {
    pub(crate) model: &'m dyn LanguageModel,
    /// As `token_id:17` instead of text.
    pub(crate) ids: bool,
}

impl Names<'_> {
    /// A token's name; bytes that are no whole characters are written out, as OpenAI does.
    pub(crate) fn of(&self, token: TokenId) -> String {
        if self.ids {
            return format!("token_id:{token}");
        }
        let bytes = self.model.token_bytes(token);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text.to_owned();
        }
        let hex = bytes.iter().map(|byte| format!("\\x{byte:02x}"));
        std::iter::once("bytes:".to_owned()).chain(hex).collect()
    }
}

/// A list as an object of names and numbers (completions).
pub(crate) struct Named<'a> {
    pub(crate) row: &'a Row,
    pub(crate) names: Names<'a>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut seen = std::collections::HashSet::new();
        for (id, value) in self.row.with_own() {
            if self.names.ids {
                map.serialize_entry(&format_args!("token_id:{id}"), &finite(value))?;
                continue;
            }
            // Different tokens may spell the same text: the most probable counts.
            let name = self.names.of(id);
            if seen.insert(name.clone()) {
                map.serialize_entry(&name, &finite(value))?;
            }
        }
        map.end()
    }
}

/// A prompt's position in vLLM's form: an object by token id.
pub(crate) struct ById<'a> {
    pub(crate) row: &'a Row,
    pub(crate) names: Names<'a>,
}

#[derive(serde::Serialize)]
struct Entry {
    logprob: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded_token: Option<String>,
}

impl Serialize for ById<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (id, value)) in self.row.with_own().enumerate() {
            let own = id == self.row.own.0;
            let entry = Entry {
                logprob: finite(value),
                // Who asks for ids reads numbers; the rest would be most of the reply.
                rank: (!self.names.ids).then_some(if own { self.row.above + 1 } else { at + 1 }),
                decoded_token: (!self.names.ids).then(|| self.names.of(id)),
            };
            map.serialize_entry(&format_args!("{id}"), &entry)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_list_is_the_beginning_of_the_sorted_whole(
            values in prop::collection::vec(prop::sample::select(vec![-0.5_f32, -1.0, -2.0, f32::NEG_INFINITY]), 1..12),
            top in 0_usize..12,
        ) {
            let mut sorted: Vec<usize> = (0..values.len()).collect();
            sorted.sort_by(|a, b| values[*b].partial_cmp(&values[*a]).unwrap());
            sorted.truncate(top);
            prop_assert_eq!(best(&values, top), sorted);
        }
    }
}
