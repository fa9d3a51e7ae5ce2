//! What all trainings and scores of an experiment share: the model, the sandbox, the tasks, the settings, the folder.

use std::path::PathBuf;
use std::sync::Arc;

use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_tune::claim;
use egcfg_tune::experiments::{Place, Size, Source};

use super::super::{base_file, no_adapter};
use super::inputs::Inputs;
use crate::args::btp::BtpExperimentsArgs;
use crate::args::model::ModelArgs;
use crate::exit::Failure;
use crate::parts::{load_model, needs, start_sandbox};
use crate::settings::method;

/// The shared parts.
pub(super) struct World<'a> {
    pub(super) args: &'a BtpExperimentsArgs,
    pub(super) inputs: Inputs,
    pub(super) runner: SandboxExecutor,
    pub(super) model: Arc<dyn LanguageModel>,
    pub(super) template: Template,
    pub(super) settings: Settings,
    /// The model's file.
    pub(super) base: PathBuf,
    /// The folder, and what stands in it.
    pub(super) place: Place,
    /// Answer tokens of every training.
    pub(super) gradient_tokens: usize,
    pub(super) seed: u64,
    /// Held while programs are sampled: trainings that want the same ones must not both sample them.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// A model that writes for another one, with its prompts.
pub(super) type Teacher = (Arc<dyn LanguageModel>, Template);

impl<'a> World<'a> {
    pub(super) async fn start(
        args: &'a BtpExperimentsArgs,
        size: &Size,
        inputs: Inputs,
    ) -> Result<Self, Failure> {
        let config = method::config(&args.work.method)?;
        let all = inputs.train.iter().chain(inputs.held.iter().flat_map(|set| &set.tasks));
        let (sandbox, options, _) = needs(all, &args.work.sandbox)?;
        let runner = start_sandbox(&sandbox, options).await?;
        no_adapter(&args.work.model)?;
        let base = base_file(args.work.model.name(), &args.output_dir, args.work.model.offline)?;
        let model = load_model(&args.work.model, args.sampling.jobs)?;
        let template = method::template(&args.work.method, &config, model.info())?;
        let settings = method::settings(&args.work.method, config, runner.python());
        let world = Self {
            place: Place {
                folder: args.output_dir.clone(),
                model: model.info().name.clone(),
                sets: inputs.held.iter().map(|set| set.name.clone()).collect(),
            },
            gradient_tokens: args.learning.training.gradient_tokens.unwrap_or(size.gradient_tokens),
            seed: args.work.method.seed.unwrap_or(1),
            args,
            inputs,
            runner,
            model,
            template,
            settings,
            base,
            turn: tokio::sync::Mutex::default(),
        };
        world.claim()?;
        Ok(world)
    }

    /// Makes the folder this experiment's own, or sees that it is already. Which steps are carried out is not part of it: they
    /// share their trainings.
    fn claim(&self) -> Result<(), Failure> {
        let folder = &self.args.output_dir;
        let replay = self.args.learning.replay.settings();
        let about = serde_json::json!({
            "version": 1,
            "model": self.model.identity()?.key(),
            "template": self.template.name,
            "data": self.inputs.about(),
            "config": self.settings.config.to_string(),
            "sampling": {"num_beams": self.args.sampling.num_beams, "policy": self.args.sampling.policy.name()},
            "replay": {"settings": replay, "buffer_size": self.args.learning.replay.buffer_size, "draws": self.args.learning.replay.draws},
            "training": self.args.learning.training.settings(self.seed)?,
            "objective": egcfg_tune::train::Objective::from(self.args.learning.training.objective),
            "gradient_tokens": self.gradient_tokens,
            "tree_tokens": self.args.tree_tokens,
            "seed": self.seed,
            "source_model": self.args.source_model,
            "trainer": format!("{:?}", self.args.learning.training.trainer.trainer),
            "checkpoint": self.args.learning.training.trainer.checkpoint,
        });
        Ok(claim(folder, "experiments.json", &about)?)
    }

    /// The model that writes the programs, where it is not the one that learns.
    pub(super) fn teacher(&self, source: Source) -> Result<Option<Teacher>, Failure> {
        let Some(name) = self.args.source_model.as_ref().filter(|_| source == Source::Teacher) else {
            return Ok(None);
        };
        let args = ModelArgs { model: Some(name.clone()), ..self.args.work.model.clone() };
        let model = load_model(&args, self.args.sampling.jobs)?;
        let template = method::template(&self.args.work.method, &self.settings.config, model.info())?;
        Ok(Some((model, template)))
    }
}
