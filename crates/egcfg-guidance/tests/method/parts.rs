//! The scripted parts at hand: shared ones from `egcfg-testing`, and one generation from its beginning to its end.

use egcfg_guidance::{Event, ExecutionCache, Executor, Generation, Session, Settings, Template, generate};
use egcfg_model::LanguageModel;
pub(crate) use egcfg_testing::language::{task, vocab, writer};
pub(crate) use egcfg_testing::{Log, ScriptedExecutor};

/// An executor that passes what the predicate likes.
pub(crate) fn judge(passes: impl Fn(&str) -> bool + Send + Sync + 'static) -> ScriptedExecutor {
    ScriptedExecutor::passing(passes)
}

pub(crate) fn template() -> Template {
    egcfg_testing::language::template().unwrap()
}

/// Settings under a configuration name.
pub(crate) fn settings(name: &str, gamma: f64) -> Settings {
    egcfg_testing::language::settings(name, gamma).unwrap()
}

/// Waits for a future of scripted parts.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Runs one generation to its end.
pub(crate) fn write(
    model: &dyn LanguageModel,
    executor: &dyn Executor,
    settings: &Settings,
    template: &Template,
) -> (Generation, Vec<Event>) {
    let (task, cache, log) = (task(), ExecutionCache::default(), Log::default());
    let session = Session { model, executor, template, task: &task, cache: &cache, events: &log };
    let generation = wait(generate(session, settings)).unwrap();
    (generation, log.events())
}
