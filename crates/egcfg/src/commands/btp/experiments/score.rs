//! Which models an experiment scores, by which methods.

use std::path::PathBuf;
use std::sync::Arc;

use egcfg_model::LanguageModel;
use egcfg_results::MethodFacts;
use egcfg_tune::experiments::{METHODS_OF_ARMS, METHODS_OF_BASELINE, Step};

use super::super::score::Scorer;
use super::world::World;
use crate::exit::Failure;

/// Scores the untrained model for these experiments.
pub(super) async fn score_base(world: &World<'_>, steps: &[Step]) -> Result<(), Failure> {
    let (model, name) = (&world.model, &world.place.model);
    if steps.contains(&Step::Baseline) {
        score(world, world.place.baseline_results(), &METHODS_OF_BASELINE, model, name).await?;
    }
    if steps.iter().any(|step| *step != Step::Baseline) {
        score_arm(world, model, name).await?;
    }
    Ok(())
}

/// Scores an arm's model, greedily and by the tree.
pub(super) async fn score_arm(
    world: &World<'_>,
    model: &Arc<dyn LanguageModel>,
    name: &str,
) -> Result<(), Failure> {
    score(world, world.place.results(), &METHODS_OF_ARMS, model, name).await
}

/// Scores a model on every held-out set.
async fn score(
    world: &World<'_>,
    results: PathBuf,
    methods: &[&'static MethodFacts],
    model: &Arc<dyn LanguageModel>,
    name: &str,
) -> Result<(), Failure> {
    let sampling = &world.args.sampling;
    let scorer = Scorer {
        runner: &world.runner,
        template: &world.template,
        settings: &world.settings,
        results,
        methods,
        tree: (world.args.tree_tokens, sampling.num_beams),
        jobs: sampling.jobs,
    };
    for set in &world.inputs.held {
        scorer.score(&set.name, &set.tasks, model, name).await?;
    }
    Ok(())
}
