//! Solving a task: the tree of programs first, then the ladder of gammas (generate, judge by the shown tests, go on with the
//! next gamma and, after the last one, the next retry), until a program passes.

use crate::answer::Answer;
use crate::error::GuidanceError;
use crate::event::Event;
use crate::generate::generate_after;
use crate::open::Open;
use crate::search::{Search, search};
use crate::session::{Attempt, Generation, Session, Solution};
use crate::settings::Settings;

/// In which order [`solve_in_order`] tries what it can.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Order {
    /// First the tree, greedy answer included, until a program passes or its limits are reached.
    pub search: Option<Search>,
    /// Then guided decoding at these gammas, with the runs of the tree's best programs in the block (as many as the
    /// configuration's memory holds).
    pub gammas: Vec<f64>,
    /// Further rounds over the gammas, with other draws.
    pub retries: u32,
    /// When the answer opens with the definition.
    pub open: Open,
}

/// Tries the gammas in order, and all of them again with other draws for each retry, until a program passes the shown
/// tests. gamma = 0 is deterministic and is not retried; nor is anything after an answer in which guidance never began, since
/// that is the same at every gamma.
pub async fn solve(
    session: Session<'_>,
    settings: &Settings,
    gammas: &[f64],
    retries: u32,
) -> Result<Solution, GuidanceError> {
    let open = if settings.opened { Open::Always } else { Open::Never };
    solve_in_order(session, settings, &Order { search: None, gammas: gammas.to_vec(), retries, open }).await
}

/// Solves a task in an order of methods; ends with the first program that passes the shown tests.
pub async fn solve_in_order(
    session: Session<'_>,
    settings: &Settings,
    order: &Order,
) -> Result<Solution, GuidanceError> {
    let mut solution = Solution::default();
    let mut opened = order.open == Open::Always;
    let mut searched = None;
    if let Some(how) = &order.search {
        let mut found = search(session, &Settings { opened, ..settings.clone() }, how).await?;
        let defined = |solution: &Solution| solution.attempts.iter().any(|a| a.generation.began);
        solution.append(&found.solution);
        if order.open == Open::Auto && !solution.solved() && !defined(&found.solution) {
            // No program of the tree defines what the tests call: the same again with the definition opened, for what is left.
            opened = true;
            if let Some(rest) = how.after(solution.stats().generated_tokens(), solution.attempts.len()) {
                found = search(session, &Settings { opened, ..settings.clone() }, &rest).await?;
                solution.append(&found.solution);
            }
        }
        if solution.solved() {
            return Ok(solution);
        }
        searched = Some(found);
    }
    for retry in 0..=order.retries {
        for gamma in order.gammas.iter().copied() {
            // The tree has had the greedy answer.
            let repeated = gamma == 0.0 && (retry > 0 || searched.is_some());
            if repeated {
                continue;
            }
            loop {
                let spent = solution.stats().generated_tokens();
                let budget = settings.budget.map(|most| most.saturating_sub(spent));
                if budget == Some(0) && !solution.attempts.is_empty() {
                    return Ok(solution);
                }
                // Another repetition of the whole goes on with other draws.
                let drawn =
                    settings.retry.saturating_mul(order.retries.saturating_add(1)).saturating_add(retry);
                let settings = Settings { gamma, budget, retry: drawn, opened, ..settings.clone() };
                let generation = generate_after(session, &settings, searched.as_ref()).await?;
                let began = generation.began;
                let attempt = judge(session, gamma, retry, generation).await?;
                let passed = attempt.passed();
                solution.attempts.push(attempt);
                if passed {
                    let tokens = solution.stats().generated_tokens();
                    solution.answers = vec![Answer { tokens, attempt: solution.attempts.len() - 1 }];
                    return Ok(solution);
                }
                match (began, order.open) {
                    (true, _) => break,
                    (false, Open::Auto) if !opened => opened = true,
                    // What follows would write the same.
                    (false, _) => return Ok(solution),
                }
            }
        }
    }
    Ok(solution)
}

/// Judges a generation by the shown tests.
pub async fn judge(
    session: Session<'_>,
    gamma: f64,
    retry: u32,
    generation: Generation,
) -> Result<Attempt, GuidanceError> {
    let task = session.task;
    let results = session.executor.judge(task, &generation.program, &task.shown_tests).await?;
    let mut attempt = Attempt { gamma, retry, generation, results };
    let verdict = Event::Verdict { passed: attempt.passed(), results: attempt.results.clone() };
    attempt.generation.stats.observe(&verdict);
    session.events.emit(&verdict);
    Ok(attempt)
}
