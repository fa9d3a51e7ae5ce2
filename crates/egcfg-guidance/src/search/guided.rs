//! Guided search: a tree of what the plain model would write first; then, with the runs of its best programs in the prompt, a tree
//! of what the guided model would write. The plain tree is cheap breadth, the guided one repairs what came near.

use std::collections::HashMap;

use egcfg_model::{LanguageModel, TokenId};

use super::blended::Blended;
use super::outcome::Searched;
use super::run::Searcher;
use super::settings::{Guided, Search};
use crate::candidate::Executed;
use crate::error::GuidanceError;
use crate::event::{Event, EventSink as _};
use crate::runs::{Past, best_runs};
use crate::session::Session;
use crate::settings::Settings;
use crate::signal::{Block, Writer};
use crate::tree::{Grower, Tree};

/// Searches the task's tree and then trees below guided prompts. Entries in the block: as many as the configuration's memory
/// holds, two where it holds none.
pub async fn search_guided(
    session: Session<'_>,
    settings: &Settings,
    search: &Search,
    guided: &Guided,
) -> Result<Searched, GuidanceError> {
    let name = format!("search_guided_{}_{}", search.policy, settings.config);
    let mut searcher = Searcher::begin(session, settings, search, &name, search.policy.name()).await?;
    searcher.limit(search.limits.shared(guided.share));
    searcher.explore().await?;
    searcher.limit(search.limits);
    if !searcher.over() {
        searcher.explore_guided(guided).await?;
    }
    searcher.finish().await
}

impl Searcher<'_> {
    /// Grows trees below prompts that hold the best runs so far; another block begins another tree.
    async fn explore_guided(&mut self, guided: &Guided) -> Result<(), GuidanceError> {
        let shape = self.tree.shape;
        let plain = std::mem::replace(&mut self.tree, Tree::new(shape));
        let mut trees: HashMap<Vec<TokenId>, Tree> = HashMap::new();
        let mut current: Option<Vec<TokenId>> = None;
        while !self.over() {
            let entries = self.entries().await?;
            let block = self.block(&entries)?;
            if block.entries == 0 {
                break;
            }
            let context = self.prompt.guided(&block.tokens);
            if current.as_ref() != Some(&context) {
                self.tell(&block, &context);
                let next = trees.remove(&context).unwrap_or_else(|| Tree::new(shape));
                let before = std::mem::replace(&mut self.tree, next);
                if let Some(known) = current.replace(context.clone()) {
                    trees.insert(known, before);
                }
                self.forget_states();
            }
            let blended = Blended {
                model: self.session.model,
                plain: self.prompt.plain(),
                guided: context.clone(),
                gamma: guided.gamma,
            };
            // At gamma = 1 the blend is the guided stream alone.
            let alone = (guided.gamma - 1.0).abs() < f64::EPSILON;
            let model: &dyn LanguageModel = if alone { self.session.model } else { &blended };
            let room = model.info().context.saturating_sub(context.len() + 1);
            let grower =
                Grower { model, context, longest: self.grower.longest.min(room), ..self.grower.clone() };
            if room == 0 || !self.step(&grower, true).await? {
                break;
            }
        }
        self.tree = plain;
        Ok(())
    }

    /// The best programs so far, worst first: those that pass most, of equals the more probable ones, and then guided ones in the
    /// order in which they came. So a block changes only when a program passes more than one of those in it.
    async fn entries(&self) -> Result<Vec<Executed>, GuidanceError> {
        let past = self.judged.iter().filter(|one| one.finished).map(|one| Past {
            program: &one.program,
            tokens: &one.tokens,
            passes: one.passes,
            rank: if one.guided { f64::NEG_INFINITY } else { one.log_prob },
        });
        let most = match self.settings.config.switches.memory {
            0 => 2,
            memory => memory as usize,
        };
        let mut runs = best_runs(self.session, self.settings.python, past.collect(), most, 0).await?;
        runs.reverse();
        Ok(runs)
    }

    fn block(&self, entries: &[Executed]) -> Result<Block, GuidanceError> {
        let (template, settings) = (self.session.template, self.settings);
        let longest = self.grower.longest;
        let room = self.session.model.info().context.saturating_sub(self.prompt.len() + longest + 1);
        let writer = Writer {
            model: self.session.model,
            task: self.session.task,
            style: settings.signal_style.unwrap_or(template.signal),
            heading: template.heading.as_deref(),
            outcome: settings.config.switches.outcome,
            seam: &self.prompt.seam,
            budget: settings.signal_tokens.or(template.signal_tokens).map_or(room, |limit| limit.min(room)),
        };
        Ok(writer.write(entries)?)
    }

    fn tell(&self, block: &Block, context: &[TokenId]) {
        self.events.emit(&Event::Signal {
            entries: block.entries,
            tokens: block.tokens.len(),
            omitted_lines: block.omitted,
            text: block.text.clone(),
        });
        if self.session.events.wants_prompts() {
            self.events.emit(&Event::Prompt { guided: true, ids: context.to_vec() });
        }
    }
}
