//! The order in which a task is solved, out of the flags.

use egcfg_guidance::{Choosing, Limits, Order, Policy, Search};

use crate::args::method::MethodArgs;
use crate::args::search::{SearchArgs, TreeArgs, WayArg};

/// The order of `solve`. Who names a configuration or strengths wants guided decoding; everybody else gets what solved most.
pub(crate) fn order(search: &SearchArgs, method: &MethodArgs, gammas: Vec<f64>, retries: u32) -> Order {
    let named = method.configurations.is_some() || method.gammas.is_some();
    let way = search.method.unwrap_or(if named { WayArg::EgCfg } else { WayArg::Auto });
    let tree = tree(&search.tree);
    let independent = Search { policy: Policy::Independent, greedy_first: false, ..tree };
    let (search_by, gammas) = match way {
        WayArg::Auto => (Some(tree), gammas),
        WayArg::Search => (Some(tree), Vec::new()),
        WayArg::BestOf => (Some(independent), Vec::new()),
        WayArg::EgCfg => (None, gammas),
    };
    Order { search: search_by, gammas, retries, open: search.open.map(Into::into).unwrap_or_default() }
}

/// The search that the flags of a tree ask for.
fn tree(flags: &TreeArgs) -> Search {
    let defaults = Search::default();
    let limits = Limits {
        tokens: flags.budget.or(defaults.limits.tokens),
        time: flags.time_budget,
        ..defaults.limits
    };
    Search {
        policy: flags.policy.map_or(defaults.policy, Policy::from),
        width: flags.width.unwrap_or(defaults.width),
        choosing: flags.choose.map_or(defaults.choosing, Choosing::from),
        bonus: flags.bonus.unwrap_or(defaults.bonus),
        dead_ends: flags.dead_ends.unwrap_or(defaults.dead_ends),
        equal_states: flags.equal_states.unwrap_or(defaults.equal_states),
        limits,
        ..defaults
    }
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
        let asked = SearchArgs {
            method: Some(WayArg::BestOf),
            tree: TreeArgs { budget: Some(90), ..TreeArgs::default() },
            ..SearchArgs::default()
        };
        let best_of = order(&asked, &named, vec![3.0], 0);
        assert_eq!(
            (best_of.search.map(|s| (s.policy, s.limits.tokens)), best_of.gammas.len()),
            (Some((Policy::Independent, Some(90))), 0)
        );
    }
}
