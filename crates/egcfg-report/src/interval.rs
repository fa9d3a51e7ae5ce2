//! Scores with 95 % intervals by the percentile bootstrap over tasks: the task is what is drawn, since the results of one task
//! hang together.

use serde::Serialize;

/// Resamples.
const RESAMPLES: usize = 2000;

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A share of tasks, in percent, with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Tasks solved; a fraction where repetitions of a task are averaged.
    pub solved: f64,
    /// Tasks scored.
    pub total: usize,
    /// Percent, with its interval.
    pub percent: Interval,
}

impl Score {
    /// The share of these outcomes, each 0 to 1; `None` for none.
    pub(crate) fn of(outcomes: &[f64]) -> Option<Self> {
        let mut pairs: Vec<(f64, f64)> = outcomes.iter().map(|outcome| (0.0, *outcome)).collect();
        // The same outcomes in another order are the same score, and must have the same interval.
        pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
        let percent = bootstrap(&pairs, |pairs| 100.0 * mean(pairs, |pair| pair.1))?;
        Some(Self { solved: outcomes.iter().sum(), total: outcomes.len(), percent })
    }
}

/// RSR = (accuracy - baseline) / (100 - baseline), in percent, of pairs (baseline, method) per task; `None` where the
/// baseline leaves nothing to solve.
pub(crate) fn rsr(pairs: &[(f64, f64)]) -> Option<Interval> {
    bootstrap(pairs, |pairs| {
        let (baseline, accuracy) = (mean(pairs, |pair| pair.0), mean(pairs, |pair| pair.1));
        100.0 * (accuracy - baseline) / (1.0 - baseline)
    })
}

fn mean(pairs: &[(f64, f64)], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    pairs.iter().map(of).sum::<f64>() / pairs.len().max(1) as f64
}

fn bootstrap(pairs: &[(f64, f64)], statistic: impl Fn(&[(f64, f64)]) -> f64) -> Option<Interval> {
    let value = statistic(pairs);
    if pairs.is_empty() || !value.is_finite() {
        return None;
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // splitmix64: a report of the same folder must read the same.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % pairs.len() as u64) as usize
    };
    let mut resample = Vec::with_capacity(pairs.len());
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.clear();
            resample.extend((0..pairs.len()).map(|_| pairs[draw()]));
            statistic(&resample)
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |q: f64| values.get((q * values.len() as f64) as usize).copied().unwrap_or(value);
    Some(Interval { value, low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsr_is_the_closed_share_of_the_gap() {
        // The published MBPP numbers as a second source: 82.8 -> 96.6 is an RSR of 80.23.
        let mut pairs = vec![(1.0, 1.0); 828];
        pairs.extend(vec![(0.0, 1.0); 138]);
        pairs.extend(vec![(0.0, 0.0); 34]);
        assert!((rsr(&pairs).unwrap().value - 80.23).abs() < 0.01);
        assert!(rsr(&[(1.0, 1.0); 3]).is_none());
    }

    #[test]
    fn the_interval_of_a_share_is_near_the_binomial_one() {
        let outcomes: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let score = Score::of(&outcomes).unwrap();
        assert!((score.percent.value - 50.0).abs() < 1e-9);
        assert!((score.percent.high - score.percent.low - 9.8).abs() < 1.2, "{score:?}");
        assert!(Score::of(&[]).is_none());
        let sorted = [vec![0.0; 200], vec![1.0; 200]].concat();
        assert_eq!(Score::of(&sorted), Some(score), "whatever the order");
    }
}
