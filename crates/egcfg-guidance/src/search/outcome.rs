//! What a search found: its programs with what came of them, and the tree as it stands.

use egcfg_model::{LanguageModel, TokenId};
use egcfg_task::Task;

use crate::error::GuidanceError;
use crate::prompt::Prompt;
use crate::session::Solution;
use crate::template::Template;
use crate::tree::Tree;

/// A program of the tree and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// Number of the leaf.
    pub(crate) leaf: usize,
    /// The program.
    pub(crate) program: String,
    /// Its normal form.
    pub(crate) normal: String,
    /// Shown tests that pass.
    pub(crate) passes: usize,
    /// Its tokens, the one that ended it included.
    pub(crate) tokens: Vec<TokenId>,
    /// Natural log-probability of the tokens, in the tree that it grew in.
    pub(crate) log_prob: f64,
    /// The model ended it.
    pub(crate) finished: bool,
    /// It grew below a prompt with runs in it, in another tree than the one that is kept.
    pub(crate) guided: bool,
}

/// A program of a searched tree, with all that training on it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Its tokens after the prompt, the end mark or end-of-text token included.
    pub tokens: Vec<TokenId>,
    /// Natural log-probability of each token under the model.
    pub log_probs: Vec<f32>,
    /// The text that was judged.
    pub text: String,
    /// The text in normal form; the text itself where it is no valid program.
    pub normal: String,
    /// The model ended it.
    pub finished: bool,
    /// Shown tests that it passes.
    pub passes: usize,
}

impl Searched {
    /// Tokens of the prompt below which the tree grew.
    pub fn prompt_tokens(&self) -> Vec<TokenId> {
        self.prompt.plain()
    }

    /// The plain tree's programs, in the order in which they were grown. One that was drawn several times stands there as often.
    pub fn programs(&self) -> Vec<Program> {
        let program = |one: &Judged| {
            let leaf = &self.tree.leaves()[one.leaf];
            Program {
                tokens: leaf.tokens.clone(),
                log_probs: self.tree.log_probs(one.leaf),
                text: one.program.clone(),
                normal: one.normal.clone(),
                finished: leaf.finished(),
                passes: one.passes,
            }
        };
        self.judged.iter().filter(|one| !one.guided).map(program).collect()
    }
}

/// The tokens of a task's plain prompt.
pub fn prompt_tokens(
    model: &dyn LanguageModel,
    template: &Template,
    task: &Task,
) -> Result<Vec<TokenId>, GuidanceError> {
    let rendered = crate::prompt::render(model, template, task)?;
    Ok(Prompt::build(model, &rendered, None)?.plain())
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Searched {
    /// Every program that was judged, in order.
    pub solution: Solution,
    /// The tree as it stands.
    pub tree: Tree,
    /// The tree holds nothing more: the search ended before its limits did.
    pub exhausted: bool,
    pub(crate) prompt: Prompt,
    pub(crate) judged: Vec<Judged>,
}
