//! A model's score on the held-out tasks: a run like any other, with a results folder of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use egcfg_bench::config::{self, Overrides, settle};
use egcfg_bench::method::{Method, TreeSearch};
use egcfg_bench::run::{Agent, Options, Parts, Plan, methods};
use egcfg_bench::store::{Store, Target};
use egcfg_guidance::{Limits, Policy, Search};
use egcfg_model::LanguageModel;
use egcfg_results::{Layout, MethodFacts, template_name};
use egcfg_tune::experiments::{METHODS_OF_ARMS, METHODS_OF_BASELINE, Step};

use super::inputs::Held;
use super::world::World;
use crate::commands::run::{complete, ended, unsettled};
use crate::exit::Failure;
use crate::output::result::circumstances;
use crate::output::run_progress::RunProgress;
use crate::settings::defaults;

/// Scores the untrained model for these experiments.
pub(super) async fn score_base(world: &World<'_>, steps: &[Step]) -> Result<(), Failure> {
    if steps.contains(&Step::Baseline) {
        let scorer = Scorer { world, results: world.place.baseline_results(), methods: &METHODS_OF_BASELINE };
        scorer.score(&world.model, &world.place.model).await?;
    }
    if steps.iter().any(|step| *step != Step::Baseline) {
        score_arm(world, &world.model, &world.place.model).await?;
    }
    Ok(())
}

/// Scores an arm's model, greedily and by the tree.
pub(super) async fn score_arm(
    world: &World<'_>,
    model: &Arc<dyn LanguageModel>,
    name: &str,
) -> Result<(), Failure> {
    let scorer = Scorer { world, results: world.place.results(), methods: &METHODS_OF_ARMS };
    scorer.score(model, name).await
}

/// Scores models by some methods into one results folder.
struct Scorer<'a> {
    world: &'a World<'a>,
    results: PathBuf,
    methods: &'a [&'static MethodFacts],
}

impl Scorer<'_> {
    /// Scores a model on every held-out set; what stands in the folder already is not repeated.
    async fn score(&self, model: &Arc<dyn LanguageModel>, name: &str) -> Result<(), Failure> {
        for set in &self.world.inputs.held {
            self.score_on(set, model, name).await?;
        }
        Ok(())
    }

    async fn score_on(&self, set: &Held, model: &Arc<dyn LanguageModel>, name: &str) -> Result<(), Failure> {
        let world = self.world;
        let settings = Overrides {
            dataset: Some(set.name.clone()),
            methods: Some(self.methods.iter().map(|method| method.name.to_owned()).collect()),
            configurations: Some(vec![world.settings.config]),
            gammas: Some(vec![defaults::GAMMA]),
            seed: Some(world.settings.seed),
            max_tokens: world.args.work.method.max_tokens,
            timeout: Some(world.limits.cpu.as_secs_f64()),
            memory_limit: Some(world.limits.memory >> 20),
            ..Overrides::default()
        };
        let about = circumstances(&**model, &world.runner, settings.dataset.clone(), world.settings.seed)?;
        let about = egcfg_results::Circumstances { model: name.to_owned(), ..about };
        let templates = template_name(&world.template);
        let experiment = config::resolve(&settings, &set.tasks, name, about.identity.clone(), templates)?;
        let plan = Plan::new(&experiment, &set.tasks, &self.known())?;
        let target = Target::Folder(self.results.clone());
        let store = Store::open(&target)?.child(&Layout::root(&experiment.dataset, &experiment.model));
        settle(&experiment, &set.tasks, &store).await.map_err(unsettled)?;
        let parts = Parts {
            templates: HashMap::from([(world.settings.config.prompt, world.template.clone())]),
            python: world.runner.python(),
            circumstances: about,
            model: Arc::clone(model),
            executor: Arc::new(world.runner.clone()),
            grader: None,
        };
        let options = Options { jobs: world.args.sampling.jobs, events: false, ..Options::default() };
        let sink = Arc::new(RunProgress::new(false));
        let agent = Agent::new(parts, experiment, set.tasks.clone(), plan, store, options, sink);
        complete(Arc::new(agent).run().await.map_err(ended)?)
    }

    /// The methods with the experiment's budget in place of their own.
    fn known(&self) -> Vec<Arc<dyn Method>> {
        let limits = Limits { tokens: Some(self.world.args.tree_tokens), ..Limits::default() };
        let mut known = methods(&egcfg_results::Experiment::default());
        known.retain(|method| !method.name().starts_with("search"));
        for policy in [Policy::Priority, Policy::Beam] {
            let width = if policy == Policy::Beam { self.world.args.sampling.num_beams } else { 1 };
            known
                .push(Arc::new(TreeSearch { search: Search { policy, width, limits, ..Search::default() } }));
        }
        known
    }
}
