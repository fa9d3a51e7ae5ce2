//! Percentile bootstrap over tasks: tasks are drawn with replacement, since they are what another test set would differ in
//! and the results of one task hang together. The stream of draws is fixed, so that a report of the same results reads the
//! same, and two statistics over the same tasks see the same resamples: their intervals are paired.

use serde::{Deserialize, Serialize};

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// 2.5th percentile of its resamples.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

const RESAMPLES: usize = 2000;

/// A statistic over tasks with its interval; `None` without tasks, or where the statistic is no number.
pub fn bootstrap<T: Copy>(tasks: &[T], statistic: impl Fn(&[T]) -> f64) -> Option<Interval> {
    let value = statistic(tasks);
    if tasks.is_empty() || !value.is_finite() {
        return None;
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // splitmix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // A multiplication instead of a remainder: no task is favoured.
        ((u128::from(mixed ^ (mixed >> 31)) * tasks.len() as u128) >> 64) as usize
    };
    let mut resample = Vec::with_capacity(tasks.len());
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            resample.clear();
            resample.extend((0..tasks.len()).map(|_| tasks[draw()]));
            statistic(&resample)
        })
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    let at = |quantile: f64| values.get((quantile * last).round() as usize).copied().unwrap_or(value);
    Some(Interval { value, low: at(0.025), high: at(0.975) })
}

/// The mean of one value per task with its interval, in the unit of the values and whatever their order.
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    bootstrap(&sorted, |values| values.iter().sum::<f64>() / values.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::mean_interval;

    #[test]
    fn the_interval_of_a_share_is_near_the_binomial_one() {
        // 30 % of 500: the normal approximation gives a width of 2 * 1.96 * sqrt(0.3 * 0.7 / 500) = 0.0803.
        let values: Vec<f64> = (0..500).map(|i| f64::from(u8::from(i % 10 < 3))).collect();
        let interval = mean_interval(&values).unwrap();
        assert!((interval.value - 0.3).abs() < 1e-12);
        assert!((interval.high - interval.low - 0.0803).abs() < 0.008, "{interval:?}");
    }

    proptest! {
        #[test]
        fn it_holds_the_mean_and_stays_within_the_values(values in prop::collection::vec(0.0f64..1.0, 1..40)) {
            let interval = mean_interval(&values).unwrap();
            let (least, most) = values.iter().fold((1.0f64, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
            prop_assert!(interval.low <= interval.value + 1e-9 && interval.value <= interval.high + 1e-9);
            prop_assert!(least - 1e-9 <= interval.low && interval.high <= most + 1e-9);
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(mean_interval(&backwards), Some(interval), "whatever the order");
        }
    }

    #[test]
    fn certainty_has_no_width() {
        let interval = mean_interval(&[1.0; 7]).unwrap();
        assert_eq!((interval.low, interval.value, interval.high), (1.0, 1.0, 1.0));
        assert_eq!(mean_interval(&[]), None);
    }
}
