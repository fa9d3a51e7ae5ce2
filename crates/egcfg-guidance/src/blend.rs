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

/// The next token under the blend and its normalised log-probability. Ties go to the lowest id. Without a plain
/// distribution (gamma = 1) the guided one decides alone; without a guided one (empty signal) the plain one does.
pub fn choose(plain: Option<&LogProbs>, guided: Option<&LogProbs>, gamma: f64) -> Option<(TokenId, f64)> {
    let (plain, guided) = match (plain, guided) {
        (Some(plain), Some(guided)) => (plain, guided),
        (Some(only), None) | (None, Some(only)) => {
            let token = only.argmax();
            return Some((token, f64::from(only.get(token))));
        }
        (None, None) => return None,
    };
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
    Some((best as TokenId, -sum.ln()))
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
    }
}
