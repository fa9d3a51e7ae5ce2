//! Shares of tasks and what is drawn from two of them, with intervals, in percent. Outcomes are 0 to 1 per task; a pair
//! holds two methods' outcomes of one task.

use serde::Serialize;

use super::bootstrap::{Interval, bootstrap};

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
    /// The share of these outcomes, whatever their order; `None` for none.
    pub fn of(outcomes: &[f64]) -> Option<Self> {
        let mut sorted = outcomes.to_vec();
        sorted.sort_by(f64::total_cmp);
        let percent = bootstrap(&sorted, |own| 100.0 * own.iter().sum::<f64>() / own.len().max(1) as f64)?;
        Some(Self { solved: outcomes.iter().sum(), total: outcomes.len(), percent })
    }
}

/// RSR = (accuracy - baseline) / (100 - baseline), in percent, of pairs (baseline, method) per task; `None` where the
/// baseline leaves nothing to solve.
pub fn rsr(pairs: &[(f64, f64)]) -> Option<Interval> {
    bootstrap(&sorted(pairs), |pairs| {
        let (baseline, accuracy) = means(pairs);
        100.0 * (accuracy - baseline) / (1.0 - baseline)
    })
}

/// How many points the second of two methods is ahead, of pairs (first, second) per task.
pub fn lead(pairs: &[(f64, f64)]) -> Option<Interval> {
    bootstrap(&sorted(pairs), |pairs| {
        let (first, second) = means(pairs);
        100.0 * (second - first)
    })
}

/// The same pairs in another order are the same statistic, and must have the same interval.
fn sorted(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted
}

fn means(pairs: &[(f64, f64)]) -> (f64, f64) {
    let sum = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let count = pairs.len().max(1) as f64;
    (sum.0 / count, sum.1 / count)
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
    fn a_paired_lead_is_narrower_than_two_shares_apart() {
        // Of 200 tasks both solve 100, one more solves another 20: the difference is sure, each share is not.
        let mut pairs = vec![(1.0, 1.0); 100];
        pairs.extend(vec![(0.0, 1.0); 20]);
        pairs.extend(vec![(0.0, 0.0); 80]);
        let ahead = lead(&pairs).unwrap();
        assert!((ahead.value - 10.0).abs() < 1e-9);
        // The normal approximation of the paired difference: 2 * 1.96 * sqrt(0.1 * 0.9 / 200) = 8.3 points.
        assert!((ahead.high - ahead.low - 8.3).abs() < 1.2 && ahead.low > 0.0, "{ahead:?}");
        let backwards: Vec<(f64, f64)> = pairs.iter().rev().copied().collect();
        assert_eq!(lead(&backwards), Some(ahead), "whatever the order");
    }

    #[test]
    fn a_share_of_nothing_is_none() {
        let outcomes: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let score = Score::of(&outcomes).unwrap();
        assert_eq!((score.solved, score.total, score.percent.value), (200.0, 400, 50.0));
        assert!(Score::of(&[]).is_none());
    }
}
