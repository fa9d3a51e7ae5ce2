//! Percentile bootstrap over tasks: tasks are drawn with replacement, since they are what another test set would differ in.

use serde::{Deserialize, Serialize};

/// A mean over tasks with its 95 % interval, in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub value: f64,
    /// 2.5th percentile of the resampled means.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// Resamples.
const RESAMPLES: usize = 2000;

/// The mean of one value per task with its interval; the same values give the same interval on every machine. `None` without values.
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    if values.is_empty() {
        return None;
    }
    let mean = |sum: f64| sum / values.len() as f64;
    let value = mean(values.iter().sum());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        // splitmix64: a fixed stream, so that a report can be reproduced.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // A multiplication instead of a remainder: no value is favoured.
        ((u128::from(z ^ (z >> 31)) * values.len() as u128) >> 64) as usize
    };
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| mean((0..values.len()).map(|_| values[draw()]).sum())).collect();
    means.sort_by(f64::total_cmp);
    let at = |quantile: f64| means[((quantile * (RESAMPLES - 1) as f64).round() as usize).min(RESAMPLES - 1)];
    Some(Interval { value, low: at(0.025), high: at(0.975) })
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
            prop_assert_eq!(mean_interval(&values), Some(interval));
        }
    }

    #[test]
    fn certainty_has_no_width() {
        let interval = mean_interval(&[1.0; 7]).unwrap();
        assert_eq!((interval.low, interval.value, interval.high), (1.0, 1.0, 1.0));
        assert_eq!(mean_interval(&[]), None);
    }
}
