//! The order in which a task is solved, out of the flags.

use egcfg_guidance::{Limits, Order, Policy, Search};

use crate::args::method::MethodArgs;
use crate::args::search::{SearchArgs, WayArg};

/// The order of `solve`. Who names a configuration or strengths wants guided decoding; everybody else gets what solved most.
pub(crate) fn order(search: &SearchArgs, method: &MethodArgs, gammas: Vec<f64>, retries: u32) -> Order {
    let named = method.configurations.is_some() || method.gammas.is_some();
    let way = search.method.unwrap_or(if named { WayArg::EgCfg } else { WayArg::Auto });
    let defaults = Search::default();
    let limits = Limits {
        tokens: search.budget.or(defaults.limits.tokens),
        time: search.time_budget,
        ..defaults.limits
    };
    let policy = search.policy.map_or(defaults.policy, Policy::from);
    let width = search.width.unwrap_or(defaults.width);
    let tree = Search { policy, width, limits, ..defaults };
    let independent = Search { policy: Policy::Independent, greedy_first: false, ..tree };
    let (search_by, gammas) = match way {
        WayArg::Auto => (Some(tree), gammas),
        WayArg::Search => (Some(tree), Vec::new()),
        WayArg::BestOf => (Some(independent), Vec::new()),
        WayArg::EgCfg => (None, gammas),
    };
    Order { search: search_by, gammas, retries, open: search.open.map(Into::into).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_comes_first_unless_guidance_is_asked_for() {
        let (none, plain) = (SearchArgs::default(), MethodArgs::default());
        let first = order(&none, &plain, vec![0.0, 1.0], 2);
        assert_eq!(
            first.search.map(|search| (search.policy, search.limits.tokens)),
            Some((Policy::Priority, Some(1650)))
        );
        assert_eq!((first.gammas.len(), first.retries), (2, 2));
        let named = MethodArgs { gammas: Some(vec![3.0]), ..MethodArgs::default() };
        assert_eq!(order(&none, &named, vec![3.0], 0).search, None);
        let asked = SearchArgs { method: Some(WayArg::BestOf), budget: Some(90), ..SearchArgs::default() };
        let best_of = order(&asked, &named, vec![3.0], 0);
        assert_eq!(
            (best_of.search.map(|s| (s.policy, s.limits.tokens)), best_of.gammas.len()),
            (Some((Policy::Independent, Some(90))), 0)
        );
    }
}
