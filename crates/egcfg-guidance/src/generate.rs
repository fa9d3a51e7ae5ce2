//! One guided generation, as a straight asynchronous function: write plainly until the entry point's definition, then line
//! by line refresh the signal and decode from the blend of the plain and the guided stream, until the program is over.

use std::sync::Arc;

use egcfg_model::TokenId;

use crate::agreement::Agreement;
use crate::candidate::{Candidate, Executed};
use crate::code::{Answer, cut_at, definition, program_in, tidy};
use crate::error::GuidanceError;
use crate::event::{Alternative, EVENT_VERSION, Event, Stop};
use crate::prompt::Prompt;
use crate::search::Searched;
use crate::session::{Generation, Session};
use crate::settings::Settings;
use crate::signal::Block;
use crate::standing::Standing;
use crate::stats::Stats;

/// The two prompts, and the block that makes them differ.
pub(crate) struct Streams {
    /// Tokens of the plain prompt.
    pub(crate) plain: Vec<TokenId>,
    /// Tokens of the guided prompt; `None` while there is no signal.
    pub(crate) guided: Option<Vec<TokenId>>,
    pub(crate) block: Block,
    /// What the block shows, where its order is kept.
    pub(crate) standing: Standing,
}

/// What was sampled.
#[derive(Default)]
pub(crate) struct Candidates {
    /// Candidates of the last refresh, by slot.
    pub(crate) pool: Vec<Arc<Candidate>>,
    /// Executed candidates that still begin with the accepted tokens.
    pub(crate) seen: Vec<Executed>,
    pub(crate) next_id: usize,
}

/// When the signal was written last.
#[derive(Default)]
pub(crate) struct Refreshes {
    /// How often.
    pub(crate) refreshes: usize,
    /// `floor(lines / k)` at the last refresh.
    pub(crate) refreshed_at: Option<usize>,
}

/// A token and how it was decided.
pub(crate) struct Decision {
    pub(crate) token: TokenId,
    /// Its log-probability under the plain stream, where that is known.
    pub(crate) plain: Option<f32>,
    /// Under the guided stream, where there is one.
    pub(crate) guided: Option<f32>,
    /// What the plain stream alone would have written, where that differs.
    pub(crate) instead_of: Option<TokenId>,
    pub(crate) heads: Vec<Alternative>,
}

/// The state of one generation: parts that change together, each on its own.
pub(crate) struct Run<'a> {
    pub(crate) session: Session<'a>,
    pub(crate) settings: &'a Settings,
    pub(crate) prompt: Prompt,
    pub(crate) streams: Streams,
    pub(crate) answer: Answer,
    pub(crate) candidates: Candidates,
    pub(crate) signal: Refreshes,
    pub(crate) agreement: Agreement,
    pub(crate) max_new: usize,
    /// The answer is inside the code block.
    in_code: bool,
    stats: Stats,
}

/// Writes one program under a configuration and a gamma.
pub async fn generate(session: Session<'_>, settings: &Settings) -> Result<Generation, GuidanceError> {
    generate_after(session, settings, None).await
}

/// As [`generate`], after a search whose programs failed: the best of them are remembered as if this generation had drawn
/// them, and stand in the block as long as they begin as the answer does (switch `memory`).
pub async fn generate_after(
    session: Session<'_>,
    settings: &Settings,
    searched: Option<&Searched>,
) -> Result<Generation, GuidanceError> {
    let mut run = Run::begin(session, settings).await?;
    if settings.gamma != 0.0
        && let Some(searched) = searched
    {
        run.remember(searched).await?;
    }
    let mut stop = run.write_to_definition().await?;
    let began = run.enter_code();
    if stop.is_none() {
        run.emit(&Event::GuidanceStarted { position: run.answer.tokens.len() });
    } else if !began && settings.gamma != 0.0 {
        let message = match session.task.defines() {
            Some(name) => {
                format!("guidance never began: the answer has no line that starts with 'def {name}('")
            }
            None => "guidance never began: the answer has no code block".to_owned(),
        };
        run.emit(&Event::Warning { message });
    }
    let mut chosen = None;
    while stop.is_none() {
        if settings.gamma == 0.0 {
            stop = Some(run.write_plainly().await?);
        } else if run.refresh_due() {
            (stop, chosen) = run.refresh().await?;
        } else {
            stop = run.advance().await?;
        }
    }
    Ok(run.finish(stop.unwrap_or(Stop::Length), chosen, began))
}

impl<'a> Run<'a> {
    async fn begin(session: Session<'a>, settings: &'a Settings) -> Result<Self, GuidanceError> {
        let opened = crate::open::prompt(session, settings.opened).await?;
        let told = opened.events(session.events.wants_prompts());
        let prompt = opened.prompt;
        let context = session.model.info().context;
        let room = context.saturating_sub(prompt.len());
        if room < 2 {
            let needed = prompt.len() + 2;
            return Err(egcfg_model::ModelError::ContextOverflow { needed, context }.into());
        }
        let max_new = settings.max_new_tokens(session.task.form).min(room - 1);
        let plain = prompt.plain();
        let in_code = prompt.fence_open;
        let mut run = Self {
            session,
            settings,
            answer: Answer::new(&prompt.code_prefix),
            prompt,
            streams: Streams { plain, guided: None, block: Block::default(), standing: Standing::default() },
            candidates: Candidates::default(),
            signal: Refreshes::default(),
            agreement: Agreement::default(),
            max_new,
            in_code,
            stats: Stats::default(),
        };
        run.emit(&Event::Start {
            version: EVENT_VERSION,
            model: session.model.info().name.clone(),
            config: settings.config.to_string(),
            gamma: settings.gamma,
            retry: settings.retry,
            seed: settings.seed,
            prompt_tokens: run.streams.plain.len(),
        });
        for event in told {
            run.emit(&event);
        }
        Ok(run)
    }

    /// Reports an event and counts it.
    pub(crate) fn emit(&mut self, event: &Event) {
        self.stats.observe(event);
        self.session.events.emit(event);
    }

    /// Where the entry point's definition begins in the answer, or, where no name is known, the code.
    fn definition(&self) -> Option<usize> {
        let text = self.answer.text();
        match self.session.task.defines() {
            Some(name) => definition(text, name),
            // Any code is the program: it begins where its fence was opened.
            None if self.in_code => Some(0),
            None => text.find("```").and_then(|fence| Some(fence + text[fence..].find('\n')? + 1)),
        }
    }

    /// Moves into the code once its definition is reached: the code begins behind its fence from then on. Whether it is.
    pub(crate) fn enter_code(&mut self) -> bool {
        let Some(at) = self.definition() else { return false };
        self.answer.enter_fence(at);
        self.in_code = true;
        true
    }

    /// Takes a token into the answer: reports it, counts lines, and says whether the program is over.
    pub(crate) fn accept(&mut self, decision: Decision) -> Option<Stop> {
        let Decision { token, plain, guided, instead_of, heads } = decision;
        let model = self.session.model;
        let text = |token: TokenId| String::from_utf8_lossy(model.token_bytes(token)).into_owned();
        let index = self.answer.tokens.len();
        self.emit(&Event::Token {
            index,
            id: token,
            text: text(token),
            plain,
            guided,
            instead_of: instead_of.map(text),
            heads,
        });
        if model.info().end_tokens.contains(&token) {
            return Some(Stop::EndOfText);
        }
        let lines = self.answer.lines();
        self.answer.push(model, token);
        if self.answer.lines() > lines && guided.is_some() {
            let (number, text) = (self.answer.lines(), self.answer.last_line().to_owned());
            self.emit(&Event::Line { number, text });
        }
        // An answer that talks first may open and close fences before the code begins.
        if self.in_code && cut_at(self.answer.code(), &self.session.template.end).is_some() {
            return Some(Stop::Fence);
        }
        (self.answer.tokens.len() >= self.max_new).then_some(Stop::Length)
    }

    /// Whether the signal has to be refreshed before the next token.
    pub(crate) fn refresh_due(&self) -> bool {
        use egcfg_task::Strategy;
        match self.settings.config.strategy {
            Strategy::Line => self.signal.refreshed_at != Some(self.interval()),
            Strategy::Token => self.signal.refreshed_at != Some(self.answer.tokens.len()),
            Strategy::PersistentPrefix => {
                !self.candidates.pool.iter().any(|c| c.begins_with(&self.answer.tokens))
            }
        }
    }

    /// What must change for the next refresh to be due.
    pub(crate) fn interval(&self) -> usize {
        match self.settings.config.strategy {
            egcfg_task::Strategy::Token => self.answer.tokens.len(),
            _ => self.answer.lines() / self.settings.config.every.max(1) as usize,
        }
    }

    fn finish(mut self, stop: Stop, chosen: Option<String>, began: bool) -> Generation {
        let program = chosen.unwrap_or_else(|| self.program(began));
        self.emit(&Event::Stopped {
            reason: stop,
            tokens: self.answer.tokens.len(),
            program: program.clone(),
        });
        Generation {
            program,
            answer: self.answer.text().to_owned(),
            tokens: self.answer.tokens,
            stop,
            began,
            stats: self.stats,
        }
    }

    /// The program in the answer as it stands.
    fn program(&self, began: bool) -> String {
        if !began {
            let (ends, name) = (&self.session.template.end, self.session.task.defines());
            return program_in(self.answer.text(), self.prompt.fence_open, ends, name);
        }
        let code = self.answer.code();
        tidy(cut_at(code, &self.session.template.end).unwrap_or(code))
    }
}
