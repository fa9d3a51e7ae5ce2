//! What each of the four numbers is computed from: which results of a task count, and what they say about it.

use egcfg_results::dataset::shown_are_graded;
use egcfg_results::method::{BEST_OF, PLAIN};
use egcfg_results::read::Cell;
use egcfg_task::PromptType;

use crate::scores::{Found, Outcomes, Scores, not_scored};

impl<'a> Scores<'a> {
    /// Greedy decoding, asked as the fixed configuration was.
    pub(crate) fn baseline(&self) -> (String, Result<Found<'a>, String>) {
        // The baseline is asked as the configuration was: the suffix of the prompt type stands in both names.
        let marked =
            |name: &str| PromptType::ALL.map(|one| !one.suffix().is_empty() && name.contains(one.suffix()));
        let wanted = self.fixed.as_ref().map_or([false; 3], |fixed| marked(&fixed.configuration));
        let plain = |cell: &Cell| cell.method == PLAIN.name && marked(&cell.configuration) == wanted;
        let at_zero = |cell: &Cell| cell.gamma == 0.0 && cell.guided_grid();
        let name = match &self.fixed {
            Some(fixed) => Some(&fixed.configuration),
            // Where nothing was guided, gamma 0 of the only configuration is the baseline.
            None => self.only_configuration(at_zero),
        };
        if let Some(name) = name {
            let is = |cell: &Cell| cell.configuration == *name && at_zero(cell);
            if self.group.cells.iter().any(is) {
                return (format!("{name} at gamma 0"), self.of_kind(is));
            }
        }
        if self.group.cells.iter().any(plain) {
            return ("method plain".into(), self.of_kind(plain));
        }
        (String::new(), Err("no result at gamma 0 or of the method plain".into()))
    }

    /// The configuration of all cells of a kind, if it is one.
    fn only_configuration(&self, kind: impl Fn(&Cell) -> bool) -> Option<&'a String> {
        let mut names = self.group.cells.iter().filter(|cell| kind(cell)).map(|cell| &cell.configuration);
        let first = names.next()?;
        names.all(|name| name == first).then_some(first)
    }

    pub(crate) fn fixed(&self) -> (String, Result<Found<'a>, String>) {
        let Some(fixed) = &self.fixed else {
            return (String::new(), Err("no result of a guided configuration".into()));
        };
        let is = |cell: &Cell| fixed.covers(cell);
        let mut found = self.of_kind(is);
        if let Ok(found) = &mut found {
            found.notes.insert(0, fixed.reason.into());
        }
        (fixed.to_string(), found)
    }

    /// The run that the shown tests choose: the first that passes them in the order of the experiment, else the first.
    pub(crate) fn chosen(&self) -> (String, Result<Found<'a>, String>) {
        let of = format!("the first of {} runs that passes the shown tests, else the first", self.n);
        let same = shown_are_graded(&self.group.dataset);
        let shown = |cell: &Cell| if same { Some(cell.shown.unwrap_or(cell.passed)) } else { cell.shown };
        let mut found = Found { outcomes: Outcomes::new(), tokens: Some(0), notes: Vec::new() };
        let (mut missing, mut broken, mut unknown) = (0, 0, 0);
        for (task, cells) in &self.by_task {
            let scored: Vec<&&Cell> = cells.iter().filter(|cell| cell.scored()).collect();
            unknown += usize::from(scored.iter().any(|cell| shown(cell).is_none()));
            let choice = scored.iter().find(|cell| shown(cell) == Some(true));
            let tokens = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
            found.tokens = found.tokens.zip(tokens).map(|(sum, own)| sum + own);
            // Under until-solved the runs before the choice may be missing too, and then another would have been chosen; only
            // where the shown tests are the graded ones does that make no difference.
            let complete = cells.len() >= self.n || (same && self.until_solved() && choice.is_some());
            match choice.or(scored.first()) {
                Some(cell) if complete => {
                    found.outcomes.insert(task, cell.outcome());
                }
                None if complete => broken += 1,
                _ => missing += 1,
            }
        }
        if unknown > 0 {
            let reason = format!("{unknown} tasks have results that do not say whether the shown tests pass");
            return (of, Err(reason));
        }
        missing += self.tasks - self.by_task.len().min(self.tasks);
        if missing > 0 {
            return (of, Err(format!("{missing} of {} tasks do not have all {} runs", self.tasks, self.n)));
        }
        found.notes.extend(not_scored(broken));
        if same {
            found.notes.push("on MBPP the shown tests are the graded ones: this equals any of N".into());
        }
        (of, Ok(found))
    }

    pub(crate) fn any_of_n(&self) -> (String, Result<Found<'a>, String>) {
        let of = format!("any of {} runs passes the graded tests", self.n);
        let mut found = Found { outcomes: Outcomes::new(), tokens: Some(0), notes: Vec::new() };
        let (mut missing, mut broken) = (0, 0);
        for (task, cells) in &self.by_task {
            let tokens = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
            found.tokens = found.tokens.zip(tokens).map(|(sum, own)| sum + own);
            if cells.iter().any(|cell| cell.scored() && cell.passed) {
                found.outcomes.insert(task, 1.0);
            } else if cells.len() < self.n {
                missing += 1;
            } else if cells.iter().any(|cell| !cell.scored()) {
                broken += 1;
            } else {
                found.outcomes.insert(task, 0.0);
            }
        }
        missing += self.tasks - self.by_task.len().min(self.tasks);
        if missing > 0 {
            let reason =
                format!("{missing} of {} tasks are unsolved and do not have all {} runs", self.tasks, self.n);
            return (of, Err(reason));
        }
        found.notes.extend(not_scored(broken));
        found.notes.push("an oracle over many tries, as the published scores are".into());
        if self.until_solved() {
            found.tokens = None;
            found.notes.push("the run stopped at the first pass of each task".into());
        }
        (of, Ok(found))
    }

    pub(crate) fn unguided(&self) -> (String, Result<Found<'a>, String>) {
        let Some(first) = self.group.cells.iter().find(|cell| cell.method == BEST_OF.name) else {
            let reason = "no results of the method best_of (run it with best_of = \"equal\")";
            return ("best-of-N".into(), Err(reason.into()));
        };
        let name = &first.configuration;
        let is = |cell: &Cell| cell.configuration == *name && cell.method == BEST_OF.name && cell.retry == 0;
        let mut found = self.of_kind(is);
        if let Ok(found) = &mut found {
            let own = |task: &str| self.group.cells.iter().find(|cell| is(cell) && cell.task == task);
            let short = |(task, cells): (&&str, &Vec<&Cell>)| {
                let guided = cells.iter().map(|cell| cell.tokens).sum::<Option<usize>>();
                let cell = own(task);
                let ended = cell.is_some_and(|cell| cell.shown == Some(true) || cell.passed);
                // What was cut short without success had fewer tokens than the guided runs.
                !ended && cell.and_then(|c| c.tokens).zip(guided).is_none_or(|(own, guided)| own < guided)
            };
            let count = self.by_task.iter().filter(|entry| short(*entry)).count();
            found.notes.push(if count == 0 {
                "every unsolved task had at least the tokens of its guided runs".into()
            } else {
                format!("not at equal tokens: {count} unsolved tasks had fewer tokens than their guided runs")
            });
            if self.until_solved() {
                found.notes.push(
                    "guided runs stopped at the first pass, so their tokens are fewer than N runs'".into(),
                );
            }
        }
        (format!("{name}, chosen by shown tests"), found)
    }
}
