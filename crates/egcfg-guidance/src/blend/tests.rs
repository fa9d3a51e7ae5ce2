//! The rule against its textbook form on probabilities, its limits, and lists against whole distributions.

use egcfg_model::{LogProbs, TokenId};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use super::*;

fn dist(logits: &[f32]) -> LogProbs {
    LogProbs::from_logits(logits)
}

fn probabilities(values: &[f64]) -> LogProbs {
    LogProbs::from_log_probs(values.iter().map(|p| p.ln() as f32).collect::<Vec<f32>>())
}

/// Second source: the published formula on probabilities.
fn published(p: f64, g: f64, gamma: f64) -> f64 {
    p * ((g + 1e-8) / (p + 1e-8)).powf(gamma)
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

#[test]
fn noise_just_above_the_smoothing_cannot_win_at_gamma_3() {
    // Seen on a real model: token 0 is right in both streams; a hard floor chose token 1.
    let plain = probabilities(&[0.99, 1.9e-8, 0.01]);
    let guided = probabilities(&[0.99, 7.4e-6, 0.01]);
    for gamma in [0.5, 1.0, 2.0, 3.0] {
        assert_eq!(choose(Some(&plain), Some(&guided), gamma).unwrap().0, 0, "gamma {gamma}");
    }
}

#[test]
fn a_token_that_is_impossible_for_the_plain_stream_stays_impossible() {
    let plain = LogProbs::from_log_probs([-0.1_f32, f32::NEG_INFINITY].as_slice());
    let guided = LogProbs::from_log_probs([-9.0_f32, -0.01].as_slice());
    for gamma in [-1.0, 0.0, 0.5, 1.0, 3.0] {
        let choice = decide(Some(&plain), Some(&guided), gamma).unwrap();
        assert!(choice.token == 0 && choice.log_prob.abs() < 1e-9, "gamma {gamma}: {choice:?}");
    }
}

#[test]
fn at_gamma_one_what_the_plain_list_does_not_hold_is_not_asked_for() {
    let plain = LogProbs::from_top([(1, -0.1), (2, -3.0)]);
    let guided = LogProbs::from_top([(7, -0.2), (1, -2.0)]);
    let choice = decide(Some(&plain), Some(&guided), 1.0).unwrap();
    assert_eq!((choice.token, choice.unsure.len()), (7, 0));
    // Above one both may matter: 2 has no guided number, 7 no plain one.
    assert_eq!(decide(Some(&plain), Some(&guided), 1.5).unwrap().unsure, [2, 7]);
}

proptest! {
    #[test]
    fn zero_is_plain_and_one_is_guided(
        a in proptest::collection::vec(-4.0f32..4.0, 5), b in proptest::collection::vec(-4.0f32..4.0, 5),
    ) {
        let (plain, guided) = (dist(&a), dist(&b));
        prop_assert_eq!(choose(Some(&plain), Some(&guided), 0.0).unwrap().0, plain.argmax());
        let (token, log_prob) = choose(Some(&plain), Some(&guided), 1.0).unwrap();
        // 1e-8 beside probabilities of at least 3e-5 is less than one part in a thousand.
        prop_assert!(guided.get(guided.argmax()) - guided.get(token) < 1e-3);
        prop_assert!((log_prob - f64::from(guided.get(token))).abs() < 1e-2);
    }

    #[test]
    fn the_weight_is_the_published_formula(p in -60.0f64..0.0, g in -60.0f64..0.0, gamma in -1.0f64..4.0) {
        let direct = published(p.exp(), g.exp(), gamma).ln();
        prop_assert!((weight(p as f32, g as f32, gamma) - direct).abs() < 1e-3);
    }

    #[test]
    fn the_chosen_probability_is_normalised(
        a in proptest::collection::vec(-12.0f32..8.0, 7), b in proptest::collection::vec(-12.0f32..8.0, 7), gamma in -1.0f64..4.0,
    ) {
        let (plain, guided) = (dist(&a), dist(&b));
        let (token, log_prob) = choose(Some(&plain), Some(&guided), gamma).unwrap();
        let direct: Vec<f64> = (0..7)
            .map(|i| published(f64::from(plain.get(i)).exp(), f64::from(guided.get(i)).exp(), gamma))
            .collect();
        let share = direct[token as usize] / direct.iter().sum::<f64>();
        prop_assert!((share.ln() - log_prob).abs() < 1e-4, "{} {}", share.ln(), log_prob);
        prop_assert!(direct.iter().all(|x| *x <= direct[token as usize] * (1.0 + 1e-4)));
    }

    #[test]
    fn equal_streams_choose_what_either_chooses(a in proptest::collection::vec(-20.0f32..9.0, 9), gamma in -1.0f64..4.0) {
        let both = dist(&a);
        prop_assert_eq!(choose(Some(&both), Some(&both), gamma).unwrap().0, both.argmax());
    }

    #[test]
    fn what_both_streams_are_sure_of_is_not_lost_to_noise(
        sure_p in 0.9f64..0.9999, sure_g in 0.9f64..0.9999, gamma in 0.0f64..3.0, noise in -40.0f64..-11.8, p in -60.0f64..-2.4,
    ) {
        // The rival's P is anything, the worst for this gamma included; its Pg is below 7.5e-6 (e^-11.8). Up to there the rule
        // cannot lose a token that both streams give more than 0.9 (docs/adr/0040 has the bound); above it guidance may.
        let summit = if gamma > 1.0 { (1e-8 / (gamma - 1.0)).ln().min(-2.4) } else { -2.4 };
        for rival in [p, summit] {
            let plain = LogProbs::from_log_probs([rival as f32, sure_p.ln() as f32].as_slice());
            let guided = LogProbs::from_log_probs([noise as f32, sure_g.ln() as f32].as_slice());
            prop_assert_eq!(choose(Some(&plain), Some(&guided), gamma).unwrap().0, 1);
        }
    }

    #[test]
    fn up_to_gamma_one_what_both_streams_are_sure_of_is_never_lost(
        sure_p in 0.9f64..1.0, sure_g in 0.9f64..1.0, gamma in 0.0f64..=1.0, p in 0.0f64..1.0, g in 0.0f64..1.0,
    ) {
        let plain = probabilities(&[(1.0 - sure_p) * p, sure_p]);
        let guided = probabilities(&[(1.0 - sure_g) * g, sure_g]);
        prop_assert_eq!(choose(Some(&plain), Some(&guided), gamma).unwrap().0, 1);
    }

    #[test]
    fn whole_lists_blend_as_the_dense_ones_do(
        a in proptest::collection::vec(-19.0f32..9.0, 9), b in proptest::collection::vec(-19.0f32..9.0, 9), gamma in -1.0f64..4.0,
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
        a in proptest::collection::vec(-19.0f32..9.0, 12), b in proptest::collection::vec(-19.0f32..9.0, 12),
        keep in 1usize..12, gamma in -1.0f64..4.0,
    ) {
        let (plain, guided) = (dist(&a), dist(&b));
        let (p, g) = (LogProbs::from_top(plain.top(keep)), LogProbs::from_top(guided.top(keep)));
        let got = decide(Some(&p), Some(&g), gamma).unwrap();
        let expected = decide(Some(&plain), Some(&guided), gamma).unwrap();
        if !got.truncated() && (gamma - 1.0).abs() > 1e-9 {
            let near = |t: TokenId| weight(plain.get(t), guided.get(t), gamma);
            prop_assert!((near(got.token) - near(expected.token)).abs() < 1e-3, "{} {}", got.token, expected.token);
        }
        // Asking for what is unsure leaves only what stands in neither list.
        let mut known = (p, g);
        let mut again = got;
        for _ in 0..13 {
            if again.unsure.is_empty() { break; }
            known.0 = known.0.with_known(again.unsure.iter().map(|t| (*t, plain.get(*t))));
            known.1 = known.1.with_known(again.unsure.iter().map(|t| (*t, guided.get(*t))));
            again = decide(Some(&known.0), Some(&known.1), gamma).unwrap();
        }
        prop_assert!(again.unsure.is_empty());
    }

    #[test]
    fn one_is_the_limit_of_gammas_near_one(
        a in proptest::collection::vec(-4.0f32..4.0, 12), b in proptest::collection::vec(-4.0f32..4.0, 12), keep in 1usize..12,
    ) {
        let (plain, guided) = (dist(&a), dist(&b));
        let (p, g) = (LogProbs::from_top(plain.top(keep)), LogProbs::from_top(guided.top(keep)));
        let alone = choose(None, Some(&g), 1.0).unwrap().0;
        // Clear winners stay winners on both sides of 1: the weights move by at most |epsilon| times the spread.
        let top = g.top(2);
        if top[0].1 - top.get(1).map_or(g.rest(), |second| second.1) > 0.1 {
            for gamma in [1.0 - 1e-3, 1.0, 1.0 + 1e-3] {
                prop_assert_eq!(choose(Some(&p), Some(&g), gamma).unwrap().0, alone);
            }
        }
        prop_assert_eq!(choose(Some(&p), Some(&g), 0.0).unwrap().0, p.argmax());
    }
}
