//! The unbiased estimator of pass@k.

/// The probability that at least one of `k` samples, drawn without replacement from `n` of which `correct` pass, passes:
/// 1 - C(n - c, k) / C(n, k) (Chen et al., arXiv 2107.03374, equation 1), as a product that cannot overflow. `None`
/// when there are fewer than `k` samples, or `k` is 0.
///
/// ```
/// use egcfg_results::stats::pass_at_k;
///
/// assert_eq!(pass_at_k(4, 1, 2), Some(0.5));
/// assert_eq!(pass_at_k(4, 1, 5), None);
/// ```
pub fn pass_at_k(n: usize, correct: usize, k: usize) -> Option<f64> {
    if k == 0 || k > n || correct > n {
        return None;
    }
    if n - correct < k {
        return Some(1.0);
    }
    let none: f64 = (n - correct + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product();
    Some(1.0 - none)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pass_at_k;

    /// Every subset of size `k` of `n` samples, counted by bit masks.
    fn enumerated(n: usize, correct: usize, k: usize) -> f64 {
        let subsets = (0u32..1 << n).filter(|set| set.count_ones() as usize == k);
        let passing = (1u32 << correct) - 1;
        let (mut all, mut hit) = (0u32, 0u32);
        for set in subsets {
            all += 1;
            hit += u32::from(set & passing != 0);
        }
        f64::from(hit) / f64::from(all)
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_subsets_with_a_passing_sample(
            (n, correct, k) in (1usize..13).prop_flat_map(|n| (Just(n), 0..=n, 1..=n)),
        ) {
            let estimate = pass_at_k(n, correct, k).unwrap();
            prop_assert!((estimate - enumerated(n, correct, k)).abs() < 1e-12);
        }

        #[test]
        fn more_draws_never_hurt((n, correct, k) in (2usize..2000).prop_flat_map(|n| (Just(n), 0..=n, 1..n))) {
            let (less, more) = (pass_at_k(n, correct, k).unwrap(), pass_at_k(n, correct, k + 1).unwrap());
            prop_assert!((0.0..=1.0).contains(&less) && less <= more + 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_estimated_is_none() {
        assert_eq!(pass_at_k(3, 1, 4), None);
        assert_eq!(pass_at_k(3, 1, 0), None);
        assert_eq!(pass_at_k(3, 4, 1), None);
        assert_eq!(pass_at_k(0, 0, 1), None);
    }
}
