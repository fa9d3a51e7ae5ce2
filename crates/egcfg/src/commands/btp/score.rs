//! A model's score on held-out tasks: a run like any other, into a results folder that `egcfg report` reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egcfg_bench::config::{self, Overrides, settle};
use egcfg_bench::method::{Method, TreeSearch};
use egcfg_bench::run::{Agent, Options, Parts, Plan, methods};
use egcfg_bench::store::{Store, Target};
use egcfg_grade::SandboxExecutor;
use egcfg_guidance::{Limits, Policy, Search, Settings, Template};
use egcfg_model::LanguageModel;
use egcfg_results::{Layout, MethodFacts, template_name};
use egcfg_task::Task;
use egcfg_tune::experiments::{Table, render};

use crate::commands::run::{complete, ended, unsettled};
use crate::exit::Failure;
use crate::output::file::write_whole;
use crate::output::result::circumstances;
use crate::output::run_progress::RunProgress;
use crate::settings::defaults;

/// Scores models by some methods into one results folder.
pub(super) struct Scorer<'a> {
    pub(super) runner: &'a SandboxExecutor,
    pub(super) template: &'a Template,
    pub(super) settings: &'a Settings,
    pub(super) results: PathBuf,
    pub(super) methods: &'a [&'static MethodFacts],
    /// Generated tokens of the tree per task, and the width of one beam search.
    pub(super) tree: (usize, usize),
    pub(super) jobs: usize,
}

impl Scorer<'_> {
    /// Scores a model on one set of tasks; what stands in the folder already is not repeated.
    pub(super) async fn score(
        &self,
        set: &str,
        tasks: &[Task],
        model: &Arc<dyn LanguageModel>,
        name: &str,
    ) -> Result<(), Failure> {
        let (runner, settings) = (self.runner, self.settings);
        let limits = runner.sandbox.limits();
        let overrides = Overrides {
            dataset: Some(set.to_owned()),
            methods: Some(self.methods.iter().map(|method| method.name.to_owned()).collect()),
            configurations: Some(vec![settings.config]),
            gammas: Some(vec![defaults::GAMMA]),
            seed: Some(settings.seed),
            max_tokens: settings.max_tokens,
            timeout: Some(limits.cpu.as_secs_f64()),
            memory_limit: Some(limits.memory >> 20),
            ..Overrides::default()
        };
        let about = circumstances(&**model, runner, overrides.dataset.clone(), settings.seed)?;
        let about = egcfg_results::Circumstances { model: name.to_owned(), ..about };
        let templates = template_name(self.template);
        let experiment = config::resolve(&overrides, tasks, name, about.identity.clone(), templates)?;
        let plan = Plan::new(&experiment, tasks, &self.known())?;
        let target = Target::Folder(self.results.clone());
        let store = Store::open(&target)?.child(&Layout::root(&experiment.dataset, &experiment.model));
        settle(&experiment, tasks, &store).await.map_err(unsettled)?;
        let parts = Parts {
            templates: HashMap::from([(settings.config.prompt, self.template.clone())]),
            python: runner.python(),
            circumstances: about,
            model: Arc::clone(model),
            executor: Arc::new(runner.clone()),
            grader: None,
        };
        let options = Options { jobs: self.jobs, events: false, ..Options::default() };
        let sink = Arc::new(RunProgress::new(false));
        let agent = Agent::new(parts, experiment, tasks.to_vec(), plan, store, options, sink);
        complete(Arc::new(agent).run().await.map_err(ended)?)
    }

    /// The methods with the experiment's budget in place of their own.
    fn known(&self) -> Vec<Arc<dyn Method>> {
        let (tokens, beams) = self.tree;
        let limits = Limits { tokens: Some(tokens), ..Limits::default() };
        let mut known = methods(&egcfg_results::Experiment::default());
        known.retain(|method| !method.name().starts_with("search"));
        for policy in [Policy::Priority, Policy::Beam] {
            let width = if policy == Policy::Beam { beams } else { 1 };
            known
                .push(Arc::new(TreeSearch { search: Search { policy, width, limits, ..Search::default() } }));
        }
        known
    }
}

/// Writes tables as `summary.md` and `summary.json` into a folder, and gives them back as text.
pub(super) fn write_summary(
    folder: &Path,
    tables: &[Table],
    json: &serde_json::Value,
) -> Result<String, Failure> {
    let text = render(tables);
    for (name, text) in [("summary.md", &text), ("summary.json", &format!("{json:#}\n"))] {
        write_whole(&folder.join(name), text)?;
    }
    Ok(text)
}
