//! A refresh: keep or draw candidates of the plain stream, make them executable, run the distinct ones, and write what
//! happened into the guided prompt.

use std::sync::Arc;
use std::time::Instant;

use egcfg_task::Signal;
use futures::future::try_join_all;

use crate::agreement::unanimous;
use crate::candidate::{Candidate, Executed, best};
use crate::code::cut_at;
use crate::error::GuidanceError;
use crate::event::{Event, ExecutionEvent, Stop};
use crate::generate::Run;
use crate::signal::Writer;

/// Bound of a stable block where nobody has set one: what is read once per refresh at most.
const STABLE_TOKENS: usize = 1024;

impl Run<'_> {
    /// Refreshes the signal. `Some(stop)` ends the generation, with the program if it is not the answer as written.
    pub(crate) async fn refresh(&mut self) -> Result<(Option<Stop>, Option<String>), GuidanceError> {
        self.signal.refreshed_at = Some(self.interval());
        self.emit(&Event::Refresh {
            index: self.signal.refreshes,
            position: self.answer.tokens.len(),
            line: self.answer.lines(),
        });
        // Candidates that diverged from the answer can never match again; their distributions are the bulk of memory.
        self.candidates.seen.retain(|e| e.candidate.begins_with(&self.answer.tokens));
        let before: Vec<(usize, usize)> =
            self.candidates.pool.iter().map(|c| (c.id, c.tokens.len())).collect();
        match self.settings.config.signal {
            Signal::Candidates => match self.settings.config.policy {
                Some(policy) => self.draw_on_tree(policy).await?,
                None => self.draw().await?,
            },
            Signal::Partial => self.candidates.pool = vec![Arc::new(self.code_so_far())],
        }
        let fresh = self.execute(&before).await?;
        if self.settings.config.switches.stop_on_pass
            && let Some(solved) = fresh.iter().find(|e| e.candidate.finished && e.solves())
        {
            return Ok((Some(Stop::CandidatePassed), Some(self.program_of(&solved.candidate))));
        }
        let entries = self.entries(&fresh);
        self.write_signal(&entries)?;
        self.signal.refreshes += 1;
        self.agree(&fresh).await
    }

    /// The code so far as a candidate without a continuation.
    fn code_so_far(&mut self) -> Candidate {
        self.blank(0)
    }

    /// A candidate's program as it would be returned.
    fn program_of(&self, candidate: &Candidate) -> String {
        let code = self.answer.code_with(self.session.model, &candidate.tokens[self.answer.tokens.len()..]);
        cut_at(&code, &self.session.template.end).unwrap_or(&code).trim_end().to_owned() + "\n"
    }

    /// Runs the pool's distinct programs; one entry per slot whose candidate has an executable form.
    async fn execute(&mut self, before: &[(usize, usize)]) -> Result<Vec<Executed>, GuidanceError> {
        let started = Instant::now();
        let python = self.settings.python;
        let mut programs: Vec<(Arc<Candidate>, String, String)> = Vec::new();
        for candidate in &self.candidates.pool {
            // A candidate that did not grow since it was executed is the same program.
            if before.contains(&(candidate.id, candidate.tokens.len()))
                && let Some(same) = self.candidates.seen.iter().find(|e| e.candidate.id == candidate.id)
            {
                programs.push((Arc::clone(candidate), same.program.clone(), same.normal.clone()));
                continue;
            }
            let code = self.program_of(candidate);
            let Some(program) = egcfg_python::executable_form(&code, python) else { continue };
            let normal = egcfg_python::normal_form(&program, python).unwrap_or_else(|| program.clone());
            programs.push((Arc::clone(candidate), program, normal));
        }
        let (session, mut missing): (_, Vec<&str>) = (self.session, Vec::new());
        for (_, program, _) in &programs {
            if session.cache.get(program).is_none() && !missing.contains(&program.as_str()) {
                missing.push(program);
            }
        }
        let runs = missing.iter().map(|program| session.executor.observe(session.task, program));
        for (program, observations) in missing.iter().zip(try_join_all(runs).await?) {
            session.cache.insert((*program).to_owned(), observations);
        }
        let executed: Vec<Executed> = programs
            .iter()
            .filter_map(|(candidate, program, normal)| {
                let observations = session.cache.get(program)?;
                Some(Executed {
                    candidate: Arc::clone(candidate),
                    program: program.clone(),
                    normal: normal.clone(),
                    observations,
                })
            })
            .collect();
        let mut ran: Vec<&str> = Vec::new();
        let runs = executed
            .iter()
            .filter(|e| {
                let first = !ran.contains(&e.program.as_str());
                ran.push(&e.program);
                first
            })
            .map(|e| ExecutionEvent {
                id: e.candidate.id,
                program: e.program.clone(),
                cached: !missing.contains(&e.program.as_str()),
                from_memory: false,
                results: e.observations.iter().map(|o| o.result.clone()).collect(),
            })
            .collect();
        self.emit(&Event::Executions { runs, seconds: started.elapsed().as_secs_f64() });
        for entry in &executed {
            match self.candidates.seen.iter_mut().find(|e| e.candidate.id == entry.candidate.id) {
                Some(older) => *older = entry.clone(),
                None => self.candidates.seen.push(entry.clone()),
            }
        }
        Ok(executed)
    }

    /// What the block shows: this refresh's distinct programs and the best remembered ones, worst first, best last.
    fn entries(&self, fresh: &[Executed]) -> Vec<Executed> {
        let shown: Vec<usize> = fresh.iter().map(|e| e.candidate.id).collect();
        let others: Vec<Executed> =
            self.candidates.seen.iter().filter(|e| !shown.contains(&e.candidate.id)).cloned().collect();
        let remembered = best(&others, &self.answer.tokens, self.settings.config.switches.memory as usize);
        let mut all: Vec<Executed> = remembered.into_iter().chain(fresh.iter().cloned()).collect();
        all.sort_by_key(|e| e.candidate.id);
        let mut entries: Vec<Executed> = Vec::new();
        for entry in all {
            match entries.iter_mut().find(|e| e.normal == entry.normal) {
                // Of equal programs the finished one says more.
                Some(same) if !same.candidate.finished && entry.candidate.finished => *same = entry,
                Some(_) => {}
                None => entries.push(entry),
            }
        }
        entries.sort_by_key(Executed::rank);
        entries
    }

    /// Writes the block into the guided prompt; no entries, no guided prompt.
    fn write_signal(&mut self, entries: &[Executed]) -> Result<(), GuidanceError> {
        let (template, settings) = (self.session.template, self.settings);
        let room = self.session.model.info().context.saturating_sub(self.prompt.len() + self.max_new + 1);
        let stable = settings.config.switches.stable;
        let most = if stable { STABLE_TOKENS } else { usize::MAX };
        let writer = Writer {
            model: self.session.model,
            task: self.session.task,
            style: settings.signal_style.unwrap_or(template.signal),
            heading: template.heading.as_deref(),
            outcome: settings.config.switches.outcome,
            seam: &self.prompt.seam,
            budget: settings.signal_tokens.or(template.signal_tokens).unwrap_or(most).min(room),
        };
        self.streams.block =
            if stable { self.streams.standing.write(&writer, entries)? } else { writer.write(entries)? };
        self.streams.guided =
            (self.streams.block.entries > 0).then(|| self.prompt.guided(&self.streams.block.tokens));
        self.emit(&Event::Signal {
            entries: self.streams.block.entries,
            tokens: self.streams.block.tokens.len(),
            omitted_lines: self.streams.block.omitted,
            text: self.streams.block.text.clone(),
        });
        if self.session.events.wants_prompts()
            && let Some(ids) = self.streams.guided.clone()
        {
            self.emit(&Event::Prompt { guided: true, ids });
        }
        if self.streams.block.entries == 0 && !entries.is_empty() {
            let message =
                format!("no room for a signal: {room} tokens are left beside the prompt and the answer");
            self.emit(&Event::Warning { message });
        }
        Ok(())
    }

    /// Early stop: the plain candidates agree on one finished program, and so do as many guided ones.
    async fn agree(&mut self, fresh: &[Executed]) -> Result<(Option<Stop>, Option<String>), GuidanceError> {
        if self.settings.config.switches.no_early_stop || self.settings.config.signal == Signal::Partial {
            return Ok((None, None));
        }
        let complete = fresh.len() == self.candidates.pool.len();
        let plain = unanimous(fresh.iter().filter(|_| complete).map(|e| self.finished(e))).map(str::to_owned);
        let mut guided = None;
        if let (Some(_), Some(context)) = (&plain, self.streams.guided.clone()) {
            let mut pool: Vec<Candidate> = (0..self.settings.config.candidates as usize)
                .map(|slot| self.blank(self.seed("guided", slot)))
                .collect();
            let usage = self.lengthen(&mut pool, context).await?;
            let reused = vec![0; pool.len()];
            let candidates = self.describe(&pool, &reused);
            self.emit(&Event::Candidates { guided: true, candidates, usage });
            let normals: Vec<Option<String>> = pool.iter().map(|c| self.finished_form(c)).collect();
            guided = unanimous(normals.iter().map(Option::as_deref)).map(str::to_owned);
        }
        let over = self.agreement.update(plain.as_deref(), guided.as_deref());
        let chosen = plain.and(fresh.first()).map(|e| self.program_of(&e.candidate));
        Ok(if over { (Some(Stop::Agreement), chosen) } else { (None, None) })
    }

    /// Normal form of a candidate that is a finished program: complete, and its last line returns.
    fn finished<'e>(&self, entry: &'e Executed) -> Option<&'e str> {
        let done = entry.candidate.finished
            && egcfg_python::finished(&entry.program, &self.session.task.entry_point, self.settings.python);
        done.then_some(entry.normal.as_str())
    }

    fn finished_form(&self, candidate: &Candidate) -> Option<String> {
        let python = self.settings.python;
        let program = egcfg_python::executable_form(&self.program_of(candidate), python)?;
        let done =
            candidate.finished && egcfg_python::finished(&program, &self.session.task.entry_point, python);
        if done { egcfg_python::normal_form(&program, python) } else { None }
    }
}
