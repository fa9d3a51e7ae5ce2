//! The shared sampler: frequencies are the tempered softmax, the nucleus is the smallest one, draws depend on seed and index.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use egcfg_model::{ModelError, Sampler, TokenId, uniform};
use proptest::prelude::*;

/// Tempered probabilities cut to the nucleus, computed the plain way.
fn reference(logits: &[f32], temperature: f64, top_p: f64) -> Vec<f64> {
    let weights: Vec<f64> = logits.iter().map(|x| (f64::from(*x) / temperature).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
    let mut kept = vec![0.0; logits.len()];
    let mut mass = 0.0;
    for id in order {
        kept[id] = weights[id];
        mass += weights[id];
        if mass >= top_p * total {
            break;
        }
    }
    kept.iter().map(|weight| weight / mass).collect()
}

fn logits(seed: u64, size: usize, spread: f64) -> Vec<f32> {
    (0..size as u64).map(|id| (spread * (uniform(seed, id) - 0.5)) as f32).collect()
}

#[test]
fn frequencies_are_the_tempered_softmax_within_the_nucleus() {
    const DRAWS: usize = 20_000;
    for (case, (temperature, top_p)) in
        [(1.0, 1.0), (0.7, 1.0), (1.5, 0.9), (0.9, 0.95), (1.0, 0.5), (0.3, 0.99)].into_iter().enumerate()
    {
        let logits = logits(40 + case as u64, 50, 6.0);
        let expected = reference(&logits, temperature, top_p);
        let mut sampler = Sampler::new(temperature, top_p).unwrap();
        let mut counts = vec![0_usize; logits.len()];
        for draw in 0..DRAWS as u64 {
            // Both ways of getting independent numbers: another seed, another index.
            counts[sampler.draw(&logits, draw / 100, draw % 100) as usize] += 1;
        }
        // Pearson's statistic; cells with fewer than five expected draws are put together.
        let (mut statistic, mut cells, mut rare, mut rare_counts) = (0.0, 0.0, 0.0, 0.0);
        for (count, probability) in counts.iter().zip(&expected) {
            let mean = probability * DRAWS as f64;
            assert!(*probability > 0.0 || *count == 0, "drawn outside the nucleus");
            if mean < 5.0 {
                rare += mean;
                rare_counts += *count as f64;
            } else {
                statistic += (*count as f64 - mean).powi(2) / mean;
                cells += 1.0;
            }
        }
        if rare > 5.0 {
            statistic += (rare_counts - rare).powi(2) / rare;
            cells += 1.0;
        }
        let freedom: f64 = cells - 1.0;
        assert!(
            statistic < freedom + 4.0 * (2.0 * freedom).sqrt() + 4.0,
            "t {temperature} p {top_p}: {statistic} for {freedom} degrees of freedom"
        );
    }
}

#[test]
fn numbers_fill_the_unit_interval_evenly() {
    let mut bins = [0_usize; 20];
    for seed in 0..200 {
        for index in 0..100 {
            let number = uniform(seed, index);
            assert!((0.0..1.0).contains(&number));
            bins[(number * 20.0) as usize] += 1;
        }
    }
    assert!(bins.iter().all(|count| (850..1150).contains(count)), "{bins:?}");
}

#[test]
fn senseless_parameters_are_refused() {
    for (temperature, top_p) in [(-0.1, 1.0), (f64::INFINITY, 1.0), (1.0, 0.0), (1.0, 1.1), (1.0, f64::NAN)] {
        assert!(matches!(Sampler::new(temperature, top_p), Err(ModelError::BadRequest(_))));
    }
}

proptest! {
    #[test]
    fn draws_stay_within_the_smallest_nucleus_and_reach_all_of_it(
        seed in any::<u64>(),
        size in 1_usize..200,
        top_p in 0.05_f64..1.0,
        temperature in 0.2_f64..2.0,
    ) {
        let logits = logits(seed, size, 5.0);
        let expected = reference(&logits, temperature, top_p);
        let mut sampler = Sampler::new(temperature, top_p).unwrap();
        let drawn: BTreeSet<TokenId> = (0..300).map(|index| sampler.draw(&logits, seed, index)).collect();
        for (id, expected) in expected.iter().enumerate() {
            // A token with a tenth of the mass is missed by 300 draws once in 10^13 cases.
            let seen = drawn.contains(&(id as TokenId));
            let fits = if seen { *expected > 0.0 } else { *expected < 0.1 };
            prop_assert!(fits, "token {id}");
        }
    }

    #[test]
    fn draws_depend_on_seed_and_index_alone(seed in any::<u64>(), index in any::<u64>(), shift in -5.0_f32..5.0) {
        let logits = logits(seed, 60, 4.0);
        let mut fresh = Sampler::new(0.8, 0.9).unwrap();
        let first = fresh.draw(&logits, seed, index);
        fresh.draw(&[0.0, 1.0], 1, 1);
        prop_assert_eq!(fresh.draw(&logits, seed, index), first);
        let greedy = Sampler::new(0.0, 0.9).unwrap().draw(&logits, seed, index);
        let shifted: Vec<f32> = logits.iter().map(|x| x + shift).collect();
        let again = Sampler::new(0.0, 0.1).unwrap().draw(&shifted, 0, 0);
        prop_assert!((logits[again as usize] - logits[greedy as usize]).abs() < 1e-5);
    }
}
