//! Scores with intervals: the share of tasks solved, and RSR, the share of the baseline's gap that a method closes,
//! each with a percentile bootstrap over tasks.

/// A number with its 95 % interval, in percent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Interval {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2000;

/// Share of `true`, in percent.
pub(crate) fn share(solved: &[bool]) -> f64 {
    100.0 * solved.iter().filter(|s| **s).count() as f64 / solved.len().max(1) as f64
}

/// A statistic over paired outcomes (one pair of outcomes per task) with its interval.
pub(crate) fn bootstrap(pairs: &[(bool, bool)], statistic: impl Fn(&[(bool, bool)]) -> f64) -> Interval {
    let value = statistic(pairs);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        // xorshift64*: the resampling must be the same in every run.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
    };
    let mut samples: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let resample: Vec<(bool, bool)> = (0..pairs.len()).map(|_| pairs[draw() % pairs.len()]).collect();
            statistic(&resample)
        })
        .filter(|x| x.is_finite())
        .collect();
    samples.sort_by(f64::total_cmp);
    let at = |q: f64| samples.get((q * samples.len() as f64) as usize).copied().unwrap_or(value);
    Interval { value, low: at(0.025), high: at(0.975) }
}

/// Share of tasks that the second method solves.
pub(crate) fn accuracy(pairs: &[(bool, bool)]) -> f64 {
    share(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>())
}

/// RSR = (accuracy - baseline) / (100 - baseline), in percent; the pair is (baseline, method).
pub(crate) fn rsr(pairs: &[(bool, bool)]) -> f64 {
    let baseline = share(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    100.0 * (accuracy(pairs) - baseline) / (100.0 - baseline)
}

/// Points by which the second method is ahead of the first.
pub(crate) fn lead(pairs: &[(bool, bool)]) -> f64 {
    accuracy(pairs) - share(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsr_is_the_closed_share_of_the_gap() {
        // The published MBPP numbers as a second source: 82.8 -> 96.6 is an RSR of 80.23.
        let mut pairs = vec![(true, true); 828];
        pairs.extend(vec![(false, true); 138]);
        pairs.extend(vec![(false, false); 34]);
        assert!((rsr(&pairs) - 80.23).abs() < 0.01);
        assert!((lead(&pairs) - 13.8).abs() < 1e-9);
    }

    #[test]
    fn the_interval_of_a_share_is_near_the_binomial_one() {
        // 50 % of 400: the normal approximation gives +-4.9 points.
        let pairs: Vec<(bool, bool)> = (0..400).map(|i| (false, i % 2 == 0)).collect();
        let interval = bootstrap(&pairs, accuracy);
        assert!((interval.value - 50.0).abs() < 1e-9);
        assert!((interval.high - interval.low - 9.8).abs() < 1.2, "{interval:?}");
    }
}
