//! A snapshot as plain text: one line per experiment and look, or the whole table.

use std::fmt::Write as _;
use std::time::Duration;

use egcfg_results::AgentState;

use super::agents::Alive;
use super::scan::{GroupState, Snapshot};
use crate::columns::align;

/// One line per experiment.
pub fn line(snapshot: &Snapshot) -> String {
    let several = snapshot.groups.len() > 1;
    let lines = snapshot.groups.iter().map(|group| {
        let name = if several { format!("{}/{}: ", group.dataset, group.model) } else { String::new() };
        format!("{name}{}\n", summary(group).join(", "))
    });
    lines.collect()
}

/// The parts of an experiment's summary.
pub(crate) fn summary(group: &GroupState) -> Vec<String> {
    let mut parts = vec![match group.total {
        Some(total) => {
            let percent = 100.0 * group.done as f64 / total.max(1) as f64;
            let bound = if group.until_solved { "at most " } else { "" };
            format!("{} of {bound}{total} units ({percent:.1} %)", group.done)
        }
        None => format!("{} units", group.done),
    }];
    parts.push(format!("{} of {} tasks solved", group.solved, group.tasks));
    parts.push(group.rate.map_or_else(|| "nothing in the last 5 min".into(), per_minute));
    if let Some(left) = group.left().filter(|_| !group.finished()) {
        parts.push(format!(
            "{}{} left",
            if group.until_solved { "at most " } else { "about " },
            duration(left)
        ));
    }
    if !group.agents.is_empty() {
        parts.push(format!("{} of {} agents alive", group.alive(), group.agents.len()));
    }
    parts.push(format!("{} tokens", count(group.tokens)));
    parts.push(if group.errors == 1 { "1 error".into() } else { format!("{} errors", group.errors) });
    parts
}

/// Everything: the summary, the configurations, the agents.
pub fn table(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (index, group) in snapshot.groups.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let _ = writeln!(text, "{} / {}\n{}\n", group.dataset, group.model, summary(group).join(", "));
        let mut lines = vec![
            ["configuration", "done", "of", "passed", "%", "tokens", "errors"].map(str::to_owned).to_vec(),
        ];
        for own in &group.configurations {
            lines.push(vec![
                own.name.clone(),
                own.done.to_string(),
                own.total.map(|total| total.to_string()).unwrap_or_default(),
                own.passed.to_string(),
                share(own.passed, own.done),
                count(own.tokens),
                own.errors.to_string(),
            ]);
        }
        align(&mut text, &lines, 1);
        if !group.agents.is_empty() {
            text.push('\n');
            let mut lines =
                vec![["agent", "state", "now", "done", "tokens", "errors"].map(str::to_owned).to_vec()];
            for agent in &group.agents {
                lines.push(vec![
                    agent.id.clone(),
                    life(agent.alive, agent.state).to_owned(),
                    agent.current.first().cloned().unwrap_or_default(),
                    agent.done.to_string(),
                    count(agent.tokens),
                    agent.errors.to_string(),
                ]);
            }
            align(&mut text, &lines, 3);
        }
    }
    text
}

/// An agent's life in a word.
pub(crate) fn life(alive: Alive, state: AgentState) -> &'static str {
    match alive {
        Alive::Yes => "alive",
        Alive::Gone => "gone",
        Alive::Ended => state.word(),
    }
}

pub(crate) fn share(part: usize, whole: usize) -> String {
    if whole == 0 { String::new() } else { format!("{:.1}", 100.0 * part as f64 / whole as f64) }
}

fn per_minute(rate: f64) -> String {
    let minute = rate * 60.0;
    if minute >= 10.0 { format!("{minute:.0} per min") } else { format!("{minute:.1} per min") }
}

/// A count with a unit of thousands: 950, 1.2k, 3.4M.
pub(crate) fn count(value: usize) -> String {
    match value as f64 {
        value if value >= 1e9 => format!("{:.1}G", value / 1e9),
        value if value >= 1e6 => format!("{:.1}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value => format!("{value:.0}"),
    }
}

/// A duration in its two largest units.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([950, 12_340, 3_400_000].map(count), ["950", "12.3k", "3.4M"]);
        let times = [59, 61, 3_660, 90_000].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(times, ["59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
