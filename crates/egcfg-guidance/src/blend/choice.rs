//! The next token: the argmax of the blend over whole distributions, or over lists that bound what they leave out.

use egcfg_model::{LogProbs, TokenId};

use super::rule::{guided_part, least_guided, most_guided, most_plain, plain_part, weight};

/// The next token and how it was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub token: TokenId,
    /// Its log-probability under the blend, normalised over all tokens known to either stream.
    pub log_prob: f64,
    /// Tokens whose unknown probability in one of the streams could have made another choice, as far as they stand in the
    /// other stream's list. Empty for whole distributions.
    pub unsure: Vec<TokenId>,
    /// A token that neither list holds could have won: only longer lists can tell.
    pub beyond: bool,
}

impl Choice {
    /// Whether the choice might be another one if the streams' whole distributions were known.
    pub fn truncated(&self) -> bool {
        self.beyond || !self.unsure.is_empty()
    }
}

/// The next token under the blend and its normalised log-probability. Ties go to the lowest id. Without a plain
/// distribution (gamma = 1) the guided one decides alone; without a guided one (empty signal) the plain one does.
pub fn choose(plain: Option<&LogProbs>, guided: Option<&LogProbs>, gamma: f64) -> Option<(TokenId, f64)> {
    decide(plain, guided, gamma).map(|choice| (choice.token, choice.log_prob))
}

/// As [`choose`], and says whether truncated lists could have decided the choice. Lists are combined over the union of
/// their tokens; a token that one side does not list counts there with that side's upper bound, and loses ties against
/// tokens known to both.
pub fn decide(plain: Option<&LogProbs>, guided: Option<&LogProbs>, gamma: f64) -> Option<Choice> {
    let (plain, guided) = match (plain, guided) {
        (Some(plain), Some(guided)) => (plain, guided),
        (Some(only), None) | (None, Some(only)) => {
            let token = only.argmax();
            let log_prob = f64::from(only.get(token));
            return Some(Choice { token, log_prob, unsure: Vec::new(), beyond: false });
        }
        (None, None) => return None,
    };
    if plain.is_sparse() || guided.is_sparse() {
        union(plain, guided, gamma)
    } else {
        dense(plain, guided, gamma)
    }
}

fn dense(plain: &LogProbs, guided: &LogProbs, gamma: f64) -> Option<Choice> {
    let weights: Vec<f64> =
        plain.values().iter().zip(guided.values()).map(|(p, g)| weight(*p, *g, gamma)).collect();
    let mut best = 0;
    for (id, value) in weights.iter().enumerate() {
        if *value > weights[best] {
            best = id;
        }
    }
    let top = *weights.get(best)?;
    let sum: f64 = weights.iter().map(|w| (w - top).exp()).sum();
    Some(Choice { token: best as TokenId, log_prob: -sum.ln(), unsure: Vec::new(), beyond: false })
}

/// Both lists, and what they allow a token to weigh.
struct Lists<'a> {
    plain: &'a LogProbs,
    guided: &'a LogProbs,
    gamma: f64,
}

impl Lists<'_> {
    /// At gamma = 1 a plain probability that no list holds is not asked for, as no plain forward would be: P and its part of the
    /// ratio cancel but for what is near 1e-8.
    fn alone(&self) -> bool {
        (self.gamma - 1.0).abs() < f64::EPSILON
    }

    /// Both sides that count are known.
    fn known(&self, token: TokenId) -> bool {
        (self.alone() || self.plain.known(token).is_some())
            && (self.gamma.abs() < f64::EPSILON || self.guided.known(token).is_some())
    }

    /// The weight that decides: an unknown side counts with its upper bound.
    fn weight(&self, token: TokenId) -> f64 {
        let plain = match self.plain.known(token) {
            None if self.alone() => 0.0,
            known => plain_part(f64::from(known.unwrap_or_else(|| self.plain.rest())), self.gamma),
        };
        plain + guided_part(f64::from(self.guided.get(token)), self.gamma)
    }

    /// The weight that unknown sides could give it at most.
    fn most(&self, plain: Option<f32>, guided: Option<f32>) -> f64 {
        let plain = match plain {
            Some(value) => plain_part(f64::from(value), self.gamma),
            None if self.alone() => 0.0,
            None => most_plain(f64::from(self.plain.rest()), self.gamma),
        };
        let guided = match guided {
            Some(value) => guided_part(f64::from(value), self.gamma),
            None => most_guided(f64::from(self.guided.rest()), self.gamma),
        };
        plain + guided
    }

    /// The weight that it has at least.
    fn least(&self, token: TokenId) -> f64 {
        let plain = match self.plain.known(token) {
            Some(value) => plain_part(f64::from(value), self.gamma),
            None if self.alone() => 0.0,
            None => f64::NEG_INFINITY,
        };
        let guided = match self.guided.known(token) {
            Some(value) => guided_part(f64::from(value), self.gamma),
            None => least_guided(f64::from(self.guided.rest()), self.gamma),
        };
        plain + guided
    }
}

fn union(plain: &LogProbs, guided: &LogProbs, gamma: f64) -> Option<Choice> {
    let lists = Lists { plain, guided, gamma };
    let mut ids: Vec<TokenId> = plain.entries().chain(guided.entries()).map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    let weights: Vec<f64> = ids.iter().map(|id| lists.weight(*id)).collect();
    let mut best = 0;
    for at in 1..ids.len() {
        let tie_of_known = weights[at] >= weights[best] && lists.known(ids[at]) && !lists.known(ids[best]);
        if weights[at] > weights[best] || tie_of_known {
            best = at;
        }
    }
    let (token, top) = (*ids.get(best)?, *weights.get(best)?);
    let sum: f64 = weights.iter().map(|weight| (weight - top).exp()).sum();
    let least = lists.least(token);
    let could_win = |id: TokenId| lists.most(plain.known(id), guided.known(id)) > least;
    let unsure: Vec<TokenId> =
        ids.iter().copied().filter(|id| !lists.known(*id) && (*id == token || could_win(*id))).collect();
    // A choice that is uncertain itself matters only if something else can reach it.
    let rivals = ids.iter().any(|id| *id != token && could_win(*id));
    let beyond = plain.rest() > f32::NEG_INFINITY
        && guided.rest() > f32::NEG_INFINITY
        && lists.most(None, None) > least;
    let unsure = if rivals || beyond { unsure } else { Vec::new() };
    Some(Choice { token, log_prob: -sum.ln(), unsure, beyond })
}
