//! The blended distribution of classifier-free guidance (Ho and Salimans 2022; for execution guidance Lavon, Katz and Wolf
//! 2025): `log G = log P + gamma * (log Pg - log P)`, renormalised.

use egcfg_model::{LogProbs, TokenId};

/// Log-probabilities below this count as this: ln(1e-8), so that a ratio of two vanishing numbers cannot win when
/// gamma extrapolates. It matches the magnitude of the 1e-8 that the published method adds on both sides.
pub const FLOOR: f32 = -18.420_681;

/// Unnormalised blended log-weight of one token.
pub fn weight(plain: f32, guided: f32, gamma: f64) -> f64 {
    let (plain, guided) = (f64::from(plain.max(FLOOR)), f64::from(guided.max(FLOOR)));
    plain + gamma * (guided - plain)
}

/// The next token and how it was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The token.
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

/// One token of the union of both lists.
struct Weighed {
    token: TokenId,
    weight: f64,
    /// The weight that the unknown side could give it at most.
    most: f64,
    /// Both sides that count are known.
    known: bool,
}

fn union(plain: &LogProbs, guided: &LogProbs, gamma: f64) -> Option<Choice> {
    let mut ids: Vec<TokenId> = plain.entries().chain(guided.entries()).map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    let all: Vec<Weighed> = ids
        .into_iter()
        .map(|token| {
            let (p, g) = (plain.known(token), guided.known(token));
            // A side without weight need not be known.
            let known = (p.is_some() || (gamma - 1.0).abs() < f64::EPSILON)
                && (g.is_some() || gamma.abs() < f64::EPSILON);
            let weight = weight(plain.get(token), guided.get(token), gamma);
            let most = most(p, plain.rest(), 1.0 - gamma) + most(g, guided.rest(), gamma);
            Weighed { token, weight, most, known }
        })
        .collect();
    let mut best = all.first()?;
    for entry in &all {
        if entry.weight > best.weight || (entry.weight >= best.weight && entry.known && !best.known) {
            best = entry;
        }
    }
    let sum: f64 = all.iter().map(|entry| (entry.weight - best.weight).exp()).sum();
    // What the choice is worth at least: nothing is certain about an unknown side but that it is not above its bound.
    let (p, g) = (plain.known(best.token), guided.known(best.token));
    let least = -(most(p, plain.rest(), gamma - 1.0) + most(g, guided.rest(), -gamma));
    let unsure: Vec<TokenId> = all
        .iter()
        .filter(|entry| !entry.known && (entry.token == best.token || entry.most > least))
        .map(|entry| entry.token)
        .collect();
    // A choice that is uncertain itself matters only if something else can reach it.
    let rivals = all.iter().any(|entry| entry.token != best.token && entry.most > least);
    let beyond = most(None, plain.rest(), 1.0 - gamma) + most(None, guided.rest(), gamma) > least
        && plain.rest() > f32::NEG_INFINITY
        && guided.rest() > f32::NEG_INFINITY;
    let unsure = if rivals || beyond { unsure } else { Vec::new() };
    Some(Choice { token: best.token, log_prob: -sum.ln(), unsure, beyond })
}

/// The most that a side can add: `factor` times its number, or times the end of its range that is larger.
fn most(known: Option<f32>, rest: f32, factor: f64) -> f64 {
    let value = match known {
        Some(value) => value,
        None if factor >= 0.0 => rest,
        None => FLOOR,
    };
    factor * f64::from(value.max(FLOOR))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn dist(logits: &[f32]) -> LogProbs {
        LogProbs::from_logits(logits)
    }

    #[test]
    fn ties_go_to_the_lowest_id() {
        let flat = dist(&[1.0, 1.0, 1.0]);
        assert_eq!(choose(Some(&flat), Some(&flat), 3.0).unwrap().0, 0);
    }

    #[test]
    fn a_ratio_of_vanishing_numbers_cannot_win() {
        // Token 1 is impossible for both, but "less impossible" for the guided stream.
        let plain = LogProbs::from_log_probs([-0.001_f32, -200.0, -7.0].as_slice());
        let guided = LogProbs::from_log_probs([-0.5_f32, -60.0, -0.9].as_slice());
        assert_ne!(choose(Some(&plain), Some(&guided), 3.0).unwrap().0, 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn zero_is_plain_and_one_is_guided(
            a in proptest::collection::vec(-8.0f32..8.0, 5), b in proptest::collection::vec(-8.0f32..8.0, 5),
        ) {
            let (plain, guided) = (dist(&a), dist(&b));
            prop_assert_eq!(choose(Some(&plain), Some(&guided), 0.0).unwrap().0, plain.argmax());
            prop_assert_eq!(choose(Some(&plain), Some(&guided), 1.0).unwrap().0, guided.argmax());
            let (token, log_prob) = choose(Some(&plain), Some(&guided), 1.0).unwrap();
            prop_assert!((log_prob - f64::from(guided.get(token))).abs() < 1e-3);
        }

        #[test]
        fn the_chosen_probability_is_normalised(
            a in proptest::collection::vec(-8.0f32..8.0, 7), b in proptest::collection::vec(-8.0f32..8.0, 7), gamma in -1.0f64..4.0,
        ) {
            let (plain, guided) = (dist(&a), dist(&b));
            let (token, log_prob) = choose(Some(&plain), Some(&guided), gamma).unwrap();
            // Second source: the textbook form on probabilities, in f64.
            let direct: Vec<f64> = (0..7)
                .map(|i| {
                    let (p, g) = (f64::from(plain.get(i)).exp(), f64::from(guided.get(i)).exp());
                    p.powf(1.0 - gamma) * g.powf(gamma)
                })
                .collect();
            let share = direct[token as usize] / direct.iter().sum::<f64>();
            prop_assert!((share.ln() - log_prob).abs() < 1e-4, "{} {}", share.ln(), log_prob);
            prop_assert!(direct.iter().all(|x| *x <= direct[token as usize] * (1.0 + 1e-4)));
        }

        #[test]
        fn whole_lists_blend_as_the_dense_ones_do(
            a in proptest::collection::vec(-9.0f32..9.0, 9), b in proptest::collection::vec(-9.0f32..9.0, 9), gamma in -1.0f64..4.0,
        ) {
            let (plain, guided) = (dist(&a), dist(&b));
            let whole = |d: &LogProbs| LogProbs::from_whole(d.entries());
            let expected = decide(Some(&plain), Some(&guided), gamma).unwrap();
            for (p, g) in [(whole(&plain), whole(&guided)), (whole(&plain), guided.clone()), (plain.clone(), whole(&guided))] {
                let got = decide(Some(&p), Some(&g), gamma).unwrap();
                prop_assert_eq!(got.token, expected.token);
                prop_assert!((got.log_prob - expected.log_prob).abs() < 1e-9);
                prop_assert!(!got.truncated());
            }
        }

        #[test]
        fn a_choice_that_calls_itself_certain_is_the_dense_one(
            a in proptest::collection::vec(-9.0f32..9.0, 12), b in proptest::collection::vec(-9.0f32..9.0, 12),
            keep in 1usize..12, gamma in -1.0f64..4.0,
        ) {
            let (plain, guided) = (dist(&a), dist(&b));
            let (p, g) = (LogProbs::from_top(plain.top(keep)), LogProbs::from_top(guided.top(keep)));
            let got = decide(Some(&p), Some(&g), gamma).unwrap();
            let expected = decide(Some(&plain), Some(&guided), gamma).unwrap();
            if !got.truncated() {
                let near = |t: TokenId| weight(plain.get(t), guided.get(t), gamma);
                prop_assert!((near(got.token) - near(expected.token)).abs() < 1e-3, "{} {}", got.token, expected.token);
            }
            // Asking for what is unsure leaves only what stands in neither list.
            let more = |list: &LogProbs, whole: &LogProbs| list.with_known(got.unsure.iter().map(|t| (*t, whole.get(*t))));
            let mut again = decide(Some(&more(&p, &plain)), Some(&more(&g, &guided)), gamma).unwrap();
            let mut known = (more(&p, &plain), more(&g, &guided));
            for _ in 0..12 {
                if again.unsure.is_empty() { break; }
                known.0 = known.0.with_known(again.unsure.iter().map(|t| (*t, plain.get(*t))));
                known.1 = known.1.with_known(again.unsure.iter().map(|t| (*t, guided.get(*t))));
                again = decide(Some(&known.0), Some(&known.1), gamma).unwrap();
            }
            prop_assert!(again.unsure.is_empty());
        }

        #[test]
        fn one_is_the_limit_of_gammas_near_one(
            a in proptest::collection::vec(-9.0f32..9.0, 12), b in proptest::collection::vec(-9.0f32..9.0, 12), keep in 1usize..12,
        ) {
            let (plain, guided) = (dist(&a), dist(&b));
            let (p, g) = (LogProbs::from_top(plain.top(keep)), LogProbs::from_top(guided.top(keep)));
            let alone = choose(None, Some(&g), 1.0).unwrap().0;
            let both = choose(Some(&p), Some(&g), 1.0).unwrap().0;
            prop_assert_eq!(alone, both);
            prop_assert_eq!(choose(Some(&p), Some(&g), 0.0).unwrap().0, p.argmax());
            // Clear winners stay winners on both sides of 1: the weights move by at most |epsilon| times the spread.
            let top = g.top(2);
            if top[0].1 - top.get(1).map_or(g.rest(), |second| second.1) > 0.1 {
                for gamma in [1.0 - 1e-3, 1.0 + 1e-3] {
                    prop_assert_eq!(choose(Some(&p), Some(&g), gamma).unwrap().0, alone);
                }
            }
        }
    }
}
