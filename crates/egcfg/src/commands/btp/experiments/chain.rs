//! One training of one arm with one seed: rounds of sampling, drawing and training, each in a folder of its own, and a score
//! after each round that some arm asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egcfg_model::LanguageModel;
use egcfg_task::Temperature;
use egcfg_tune::experiments::{Arm, Outcome, Size, Step};
use egcfg_tune::replay::Buffer;
use egcfg_tune::sample::merge_adapter;
use egcfg_tune::train::TrainSettings;

use super::super::round::{Round, claim, told as found};
use super::super::train::{Training, told};
use super::score::{outcomes, score_arm};
use super::world::World;
use crate::args::btp::{BtpExperimentsArgs, SamplingArgs};
use crate::exit::Failure;
use crate::output::text::note;

/// A training and the rounds after which it is scored.
pub(super) struct Chain {
    arm: Arm,
    seed: u64,
    folder: PathBuf,
    /// Rounds that have a score, ascending.
    scored: Vec<usize>,
    /// What the results of a round are called, without the round.
    name: String,
}

impl Chain {
    /// The trainings of a plan, each once.
    pub(super) fn of(
        plan: &[(Step, Vec<Arm>)],
        args: &BtpExperimentsArgs,
        size: &Size,
        world: &World<'_>,
    ) -> Vec<Self> {
        let mut chains: Vec<Self> = Vec::new();
        for (step, arms) in plan {
            let ranking = *step == Step::Hyperparameter;
            let seeds = args.seeds.unwrap_or(if ranking { size.ranking_seeds } else { size.seeds });
            for arm in arms {
                for seed in (0..seeds as u64).map(|number| world.seed + number) {
                    let same = |chain: &&mut Self| chain.arm.chain == arm.chain && chain.seed == seed;
                    let chain = if let Some(chain) = chains.iter_mut().find(same) {
                        chain
                    } else {
                        chains.push(Self {
                            arm: arm.clone(),
                            seed,
                            folder: world
                                .args
                                .output_dir
                                .join("arms")
                                .join(&arm.chain)
                                .join(format!("seed-{seed}")),
                            scored: Vec::new(),
                            name: format!("{}+{}-seed-{seed}", world.name, arm.chain),
                        });
                        let Some(chain) = chains.last_mut() else { continue };
                        chain
                    };
                    if !chain.scored.contains(&arm.rounds) {
                        chain.scored.push(arm.rounds);
                        chain.scored.sort_unstable();
                    }
                }
            }
        }
        chains
    }

    /// Whether it is a training of this arm.
    pub(super) fn trains(&self, arm: &Arm) -> bool {
        self.arm.chain == arm.chain && self.scored.contains(&arm.rounds)
    }

    /// What an arm of this training solved.
    pub(super) fn outcomes(&self, world: &World<'_>, arm: &Arm) -> Result<Vec<Outcome>, Failure> {
        outcomes(world, &world.results(), &self.model_name(arm.rounds), &arm.name, self.seed)
    }

    fn model_name(&self, rounds: usize) -> String {
        format!("{}-round-{rounds}", self.name)
    }

    /// Trains and scores; what is done already is not repeated.
    pub(super) async fn carry_out(&self, world: &World<'_>) -> Result<(), Failure> {
        let last = self.scored.last().copied().unwrap_or(0);
        if self.scored.iter().all(|round| self.mark(*round).exists()) {
            return Ok(());
        }
        let (mut buffer, mut model) = (Buffer::new(self.arm.buffer_size), Arc::clone(&world.model));
        let mut adapter: Option<PathBuf> = None;
        for round in 0..last {
            let folder = self.folder.join(format!("round-{}", round + 1));
            self.say(round, "sampling");
            for entry in self.sample(world, &model, round, &folder).await?.entries() {
                buffer.add(entry.clone());
            }
            self.say(round, "training");
            let out = folder.join("adapter");
            self.train(world, &buffer, adapter.clone(), round, &out).await?;
            // A merged file is as large as the base: it lives until its round is over and can be made again.
            let merged = folder.join("model.gguf");
            merge_adapter(&world.base, &out, &merged)?;
            model = world.load(&merged)?;
            if self.scored.contains(&(round + 1)) && !self.mark(round + 1).exists() {
                self.say(round, "scoring");
                score_arm(world, &model, &self.model_name(round + 1)).await?;
                claim(&folder, "scored.json", &serde_json::json!({"version": 1}))?;
            }
            std::fs::remove_file(&merged)
                .map_err(|error| Failure::input(format!("failed to remove {}: {error}", merged.display())))?;
            adapter = Some(out);
        }
        Ok(())
    }

    fn mark(&self, round: usize) -> PathBuf {
        self.folder.join(format!("round-{round}")).join("scored.json")
    }

    fn say(&self, round: usize, what: &str) {
        note(&format!("{}, seed {}, round {}: {what}", self.arm.chain, self.seed, round + 1));
    }

    /// The round's programs. What the untrained model (or the teacher) writes is the same for all trainings and sampled once.
    async fn sample(
        &self,
        world: &World<'_>,
        model: &Arc<dyn LanguageModel>,
        round: usize,
        folder: &Path,
    ) -> Result<Buffer, Failure> {
        let arm = &self.arm;
        let sampling =
            SamplingArgs { num_beams: arm.num_beams, policy: arm.policy, jobs: world.args.sampling.jobs };
        let mut settings = world.settings.clone();
        if let Some(temperature) = arm.temperature.and_then(Temperature::new) {
            settings.config.temperature = temperature;
        }
        let common = format!("{}-{}-t{}", arm.policy.name(), arm.num_beams, settings.config.temperature);
        let teacher = world.teacher(arm.source)?;
        let (model, template, place) = match &teacher {
            Some((teacher, template)) => {
                (teacher, template, world.args.output_dir.join("sampled").join(format!("teacher-{common}")))
            }
            None if round == 0 => {
                (model, &world.template, world.args.output_dir.join("sampled").join(common))
            }
            None => (model, &world.template, folder.join("sample")),
        };
        let round = Round {
            model: Arc::clone(model),
            runner: &world.runner,
            template,
            settings: &settings,
            tasks: &world.inputs.train,
            folder: &place,
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
        world: &World<'_>,
        buffer: &Buffer,
        start_from: Option<PathBuf>,
        round: usize,
        out: &Path,
    ) -> Result<(), Failure> {
        let own = world.args.learning.training.settings(self.seed)?;
        let mut settings = TrainSettings {
            seed: egcfg_task::derive_seed(self.seed, &["round", &round.to_string()]),
            gradient_tokens: Some(world.gradient_tokens),
            ..own
        };
        if let Some((r, alpha, dropout)) = self.arm.lora {
            (settings.lora_r, settings.lora_alpha, settings.lora_dropout) = (r, alpha, dropout);
        }
        let report = Training {
            base: &world.base,
            trainer: &world.args.learning.training.trainer,
            objective: world.args.learning.training.objective.into(),
            runner: Some((&world.runner, &world.settings)),
            base_name: world.args.work.model.name(),
            model: &*world.model,
            template: &world.template,
            tasks: &world.inputs.train,
            draw: self.arm.draw.clone(),
            draws: world.args.learning.replay.draws,
            settings,
            start_from,
            folder: out,
        }
        .train(buffer)
        .await?;
        note(told(&report).trim_end());
        Ok(())
    }
}
