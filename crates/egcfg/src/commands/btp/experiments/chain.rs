//! Carries one training out: rounds of sampling, drawing and training, each in a folder of its own, and a score after each
//! round that some arm asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egcfg_model::LanguageModel;
use egcfg_task::Temperature;
use egcfg_tune::claim;
use egcfg_tune::experiments::Training as Planned;
use egcfg_tune::replay::Buffer;

use super::super::round::{Round, told as found};
use super::super::train::{Training, told};
use super::super::with_adapter;
use super::score::score_arm;
use super::world::World;
use crate::args::btp::SamplingArgs;
use crate::exit::Failure;
use crate::output::text::note;

/// A training and what it is carried out with.
pub(super) struct Chain<'a> {
    pub(super) planned: &'a Planned,
    pub(super) world: &'a World<'a>,
}

impl Chain<'_> {
    /// Trains and scores; what is done already is not repeated.
    pub(super) async fn carry_out(&self) -> Result<(), Failure> {
        let Self { planned, world } = *self;
        if planned.scored.iter().all(|round| self.mark(*round).exists()) {
            return Ok(());
        }
        let (mut buffer, mut model) = (Buffer::new(planned.arm.buffer_size), Arc::clone(&world.model));
        let mut adapter: Option<PathBuf> = None;
        for round in 0..planned.rounds() {
            let folder = world.place.round(planned, round + 1);
            self.say(round, "sampling");
            for entry in self.sample(&model, round).await?.entries() {
                buffer.add(entry.clone());
            }
            self.say(round, "training");
            let out = folder.join("adapter");
            self.train(&buffer, adapter.clone(), round, &out).await?;
            model = with_adapter(&world.args.work.model, &out, world.args.sampling.jobs)?;
            if planned.scored.contains(&(round + 1)) && !self.mark(round + 1).exists() {
                self.say(round, "scoring");
                score_arm(world, &model, &planned.model_name(&world.place.model, round + 1)).await?;
                claim(&folder, "scored.json", &serde_json::json!({"version": 1}))?;
            }
            adapter = Some(out);
        }
        Ok(())
    }

    fn mark(&self, round: usize) -> PathBuf {
        self.world.place.round(self.planned, round).join("scored.json")
    }

    fn say(&self, round: usize, what: &str) {
        let Planned { arm, seed, .. } = self.planned;
        note(&format!("{}, seed {seed}, round {}: {what}", arm.chain, round + 1));
    }

    /// The round's programs. What the untrained model (or the teacher) writes is the same for all trainings and sampled once.
    async fn sample(&self, model: &Arc<dyn LanguageModel>, round: usize) -> Result<Buffer, Failure> {
        let (world, arm) = (self.world, &self.planned.arm);
        let sampling =
            SamplingArgs { num_beams: arm.num_beams, policy: arm.policy, jobs: world.args.sampling.jobs };
        let mut settings = world.settings.clone();
        if let Some(temperature) = arm.temperature.and_then(Temperature::new) {
            settings.config.temperature = temperature;
        }
        let teacher = world.teacher(arm.source)?;
        let folder =
            world.place.programs(self.planned, teacher.is_some(), settings.config.temperature, round);
        let (model, template) =
            teacher.as_ref().map_or((model, &world.template), |(model, template)| (model, template));
        let round = Round {
            model: Arc::clone(model),
            runner: &world.runner,
            template,
            settings: &settings,
            tasks: &world.inputs.train,
            folder: &folder,
            sampling: &sampling,
            p2value_alpha: arm.draw.p2value_alpha,
            iteration: round,
        };
        // Two trainings that want the same programs must not sample them twice at once.
        let _turn = world.turn.lock().await;
        let sampled = round.sample(usize::MAX).await?;
        note(found(&sampled, world.inputs.train.len()).trim_end());
        Ok(sampled)
    }

    async fn train(
        &self,
        buffer: &Buffer,
        start_from: Option<PathBuf>,
        round: usize,
        out: &Path,
    ) -> Result<(), Failure> {
        let (world, planned) = (self.world, self.planned);
        let learning = &world.args.learning;
        let common = learning.training.settings(planned.seed)?;
        let report = Training {
            base: &world.base,
            trainer: &learning.training.trainer,
            objective: learning.training.objective.into(),
            runner: Some((&world.runner, &world.settings)),
            base_name: world.args.work.model.name(),
            model: &*world.model,
            template: &world.template,
            tasks: &world.inputs.train,
            draw: planned.arm.draw.clone(),
            draws: learning.replay.draws,
            settings: planned.settings(common, world.gradient_tokens, round),
            start_from,
            folder: out,
        }
        .train(buffer)
        .await?;
        note(told(&report).trim_end());
        Ok(())
    }
}
