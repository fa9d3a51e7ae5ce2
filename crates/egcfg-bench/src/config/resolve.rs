//! Settings, tasks and model become one experiment: every list checked, every name canonical and single.

use egcfg_guidance::Search;
use egcfg_results::{BestOfBudget, EXPERIMENT_VERSION, Experiment, MethodFacts, method};
use egcfg_task::{Config, ModelIdentity, Task};
use sha2::{Digest as _, Sha256};

use super::{ConfigError, Overrides};

/// Resolves settings; `model`, `identity` and `templates` are what the model is called, which one it is, and what its prompts
/// are made of.
pub fn resolve(
    overrides: &Overrides,
    tasks: &[Task],
    model: &str,
    identity: Option<ModelIdentity>,
    templates: String,
) -> Result<Experiment, ConfigError> {
    let configurations = overrides.configurations.clone().unwrap_or_else(|| vec![Config::default()]);
    let methods = single(methods(overrides));
    let searches = methods.iter().filter_map(|name| MethodFacts::of(name)).any(|facts| facts.searches);
    let experiment = Experiment {
        version: EXPERIMENT_VERSION,
        dataset: overrides.dataset.clone().unwrap_or_else(|| "tasks".to_owned()),
        tasks: tasks.len(),
        tasks_sha256: tasks_hash(tasks),
        model: model.to_owned(),
        methods,
        configurations: single(configurations),
        gammas: single(overrides.gammas.clone().unwrap_or_else(|| vec![0.0, 0.5, 1.0, 3.0])),
        retries: overrides.retries.unwrap_or(0),
        seed: overrides.seed.unwrap_or(0),
        until_solved: overrides.until_solved.unwrap_or(false),
        best_of: overrides.best_of.unwrap_or_default(),
        best_of_temperature: overrides.best_of_temperature,
        budget: overrides.budget,
        time_budget: overrides.time_budget,
        width: overrides.width,
        choose: overrides.choose,
        bonus: overrides.bonus.or(searches.then_some(Search::default().bonus)),
        dead_ends: overrides.dead_ends,
        equal_states: overrides.equal_states,
        tree_share: overrides.tree_share,
        max_tokens: overrides.max_tokens,
        signal_format: overrides.signal_format,
        signal_tokens: overrides.signal_tokens,
        templates,
        timeout: overrides.timeout.unwrap_or(5.0),
        memory_limit: overrides.memory_limit.unwrap_or(1024),
        exec_eval: overrides.exec_eval.is_some(),
        sandbox: None,
        identity,
    };
    check(&experiment)?;
    Ok(experiment)
}

/// The methods by their names; `search` is the method of the policy, where one is given.
fn methods(overrides: &Overrides) -> Vec<String> {
    let names = overrides.methods.clone().unwrap_or_else(|| vec![method::EG_CFG.name.to_owned()]);
    let Some(policy) = overrides.policy else { return names };
    let own = method::searching_by(policy).name;
    let named = |name: String| if name == method::SEARCH.name { own.to_owned() } else { name };
    names.into_iter().map(named).collect()
}

fn check(experiment: &Experiment) -> Result<(), ConfigError> {
    if let Some(gamma) = experiment.gammas.iter().find(|gamma| !(0.0..=100.0).contains(*gamma)) {
        return Err(ConfigError::new("gammas", format!("{gamma} is not between 0 and 100")));
    }
    for (key, empty) in [
        ("configurations", experiment.configurations.is_empty()),
        ("gammas", experiment.gammas.is_empty()),
        ("methods", experiment.methods.is_empty()),
        ("tasks", experiment.tasks == 0),
    ] {
        if empty {
            return Err(ConfigError::new(key, "the list is empty"));
        }
    }
    let mut facts = Vec::new();
    for name in &experiment.methods {
        facts.push(MethodFacts::of(name).ok_or_else(|| {
            let names: Vec<&str> = method::METHODS.iter().map(|method| method.name).collect();
            ConfigError::new("methods", format!("'{name}' is none of {}", names.join(", ")))
        })?);
    }
    let waits = experiment.best_of == BestOfBudget::EQUAL && facts.iter().any(|method| method.takes_budget);
    if waits && !facts.iter().any(|method| method.uses_gamma) {
        return Err(ConfigError::new("best_of", "'equal' needs the method eg_cfg in the same experiment"));
    }
    if experiment.best_of == BestOfBudget::EQUAL && experiment.budget.is_some() {
        let reason = "a number of tokens and best_of = 'equal' are two budgets; give one of them";
        return Err(ConfigError::new("budget", reason));
    }
    if experiment.bonus.is_some_and(|bonus| !bonus.is_finite() || bonus < 0.0) {
        return Err(ConfigError::new("bonus", "expected a number from 0 on"));
    }
    Ok(())
}

/// Every entry once, in order.
fn single<T: PartialEq>(entries: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(entries.len());
    for entry in entries {
        if !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    kept
}

fn tasks_hash(tasks: &[Task]) -> String {
    let mut hash = Sha256::new();
    for task in tasks {
        hash.update(serde_json::to_vec(task).unwrap_or_default());
        hash.update(b"\n");
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(overrides: &Overrides) -> Result<Experiment, ConfigError> {
        let task = Task { id: "1".into(), ..Task::default() };
        resolve(overrides, &[task], "m", None, "t".into())
    }

    #[test]
    fn a_configuration_under_two_names_is_one() {
        let names = Some(["ns3t1d2_ln", "ns3t1.0d2k1_ln"].map(|name| name.parse().unwrap()).to_vec());
        let resolved = of(&Overrides { configurations: names, ..Overrides::default() }).unwrap();
        let names: Vec<String> = resolved.configurations.iter().map(Config::to_string).collect();
        assert_eq!(names, ["ns3t1.0d2k1_ln"]);
    }

    #[test]
    fn a_policy_names_the_search() {
        let names = Some(["plain", "search", "search_beam"].map(str::to_owned).to_vec());
        let policy = Some(egcfg_guidance::Policy::Unique);
        let resolved = of(&Overrides { methods: names, policy, ..Overrides::default() }).unwrap();
        assert_eq!(resolved.methods, ["plain", "search_unique", "search_beam"]);
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_its_key() {
        let texts = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        for (overrides, said) in [
            (
                Overrides { gammas: Some(vec![f64::NAN]), ..Overrides::default() },
                "gammas: NaN is not between",
            ),
            (Overrides { gammas: Some(Vec::new()), ..Overrides::default() }, "gammas: the list is empty"),
            (
                Overrides { methods: texts(&["magic"]), ..Overrides::default() },
                "methods: 'magic' is none of eg_cfg, plain",
            ),
            (
                Overrides { configurations: Some(Vec::new()), ..Overrides::default() },
                "configurations: the list is empty",
            ),
            (
                Overrides {
                    methods: texts(&["best_of"]),
                    best_of: Some(BestOfBudget::EQUAL),
                    ..Overrides::default()
                },
                "best_of: 'equal' needs the method eg_cfg",
            ),
            (
                Overrides { best_of: Some(BestOfBudget::EQUAL), budget: Some(9), ..Overrides::default() },
                "budget: a number of tokens and best_of = 'equal' are two budgets",
            ),
        ] {
            let error = of(&overrides).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
