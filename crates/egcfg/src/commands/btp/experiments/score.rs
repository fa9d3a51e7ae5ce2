//! A model's score on the held-out tasks: a run like any other, with a results folder of its own, and what it came to.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egcfg_bench::config::{self, Overrides, settle};
use egcfg_bench::method::{Method, TreeSearch};
use egcfg_bench::run::{Agent, Options, Parts, Plan, methods};
use egcfg_bench::store::{Store, Target};
use egcfg_guidance::{Limits, Policy, Search};
use egcfg_model::LanguageModel;
use egcfg_results::read::{Filter, Folder};
use egcfg_results::{Layout, MethodFacts, file_name, method as known, template_name};
use egcfg_tune::experiments::{BASE, Outcome, Step};

use super::inputs::Held;
use super::world::World;
use crate::commands::run::{complete, ended, unsettled};
use crate::exit::Failure;
use crate::output::result::circumstances;
use crate::output::run_progress::RunProgress;
use crate::settings::defaults;

/// What every arm is scored by.
static OF_ARMS: [&MethodFacts; 2] = [&known::PLAIN, &known::SEARCH];
/// What the untrained model is scored by in the experiment `baseline`.
static OF_BASELINE: [&MethodFacts; 4] = [&known::PLAIN, &known::SEARCH, &known::SEARCH_BEAM, &known::EG_CFG];

/// Scores the untrained model for these experiments.
pub(super) async fn score_base(world: &World<'_>, steps: &[Step]) -> Result<(), Failure> {
    if steps.contains(&Step::Baseline) {
        let scorer = Scorer { world, results: world.baseline_results(), methods: &OF_BASELINE };
        scorer.score(&world.model, &world.name).await?;
    }
    if steps.iter().any(|step| *step != Step::Baseline) {
        score_arm(world, &world.model, &world.name).await?;
    }
    Ok(())
}

/// Scores an arm's model, greedily and by the tree.
pub(super) async fn score_arm(
    world: &World<'_>,
    model: &Arc<dyn LanguageModel>,
    name: &str,
) -> Result<(), Failure> {
    let scorer = Scorer { world, results: world.results(), methods: &OF_ARMS };
    scorer.score(model, name).await
}

/// What the untrained model solved; `baseline` is the experiment of that name.
pub(super) fn base_outcomes(world: &World<'_>, baseline: bool) -> Result<Vec<Outcome>, Failure> {
    let folder = if baseline { world.baseline_results() } else { world.results() };
    outcomes(world, &folder, &world.name, BASE, 0)
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

/// What a model solved, from its results.
pub(super) fn outcomes(
    world: &World<'_>,
    results: &Path,
    model: &str,
    arm: &str,
    seed: u64,
) -> Result<Vec<Outcome>, Failure> {
    let mut found: Vec<Outcome> = Vec::new();
    for set in &world.inputs.held {
        let filter = Filter { dataset: Some(file_name(&set.name)), model: Some(file_name(model)) };
        for cell in Folder::read(results, &filter)?.groups.iter().flat_map(|group| &group.cells) {
            if !cell.scored() {
                return Err(Failure::sandbox(format!(
                    "{}: task {} has no score: {}",
                    results.display(),
                    cell.task,
                    cell.broken.as_deref().unwrap_or_default()
                )));
            }
            let place = |own: &&mut Outcome| own.set == set.name && own.method == cell.method;
            let tasks = if let Some(own) = found.iter_mut().find(place) {
                &mut own.tasks
            } else {
                found.push(Outcome {
                    arm: arm.to_owned(),
                    seed,
                    set: set.name.clone(),
                    method: cell.method.clone(),
                    tasks: BTreeMap::new(),
                });
                let Some(own) = found.last_mut() else { continue };
                &mut own.tasks
            };
            tasks.insert(cell.task.clone(), cell.passed);
        }
    }
    Ok(found)
}
