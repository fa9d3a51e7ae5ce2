//! Which agents live. A heartbeat is a counter; an agent whose counter stood still for its whole lease, by our own clock and
//! while we looked, is gone. Only at the first look the file's age has to do.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use egcfg_results::read::{bytes, list};
use egcfg_results::{AgentRecord, AgentState, Layout};

/// What is known of an agent's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// Its heartbeat advances.
    Yes,
    /// It ended by itself.
    Ended,
    /// Its heartbeat stands still.
    Gone,
}

/// An agent as it was last seen.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentView {
    /// Its name.
    pub id: String,
    /// Machine and process.
    pub place: String,
    /// Whether it lives.
    pub alive: Alive,
    /// What it says that it does.
    pub state: AgentState,
    /// Units that it published.
    pub done: usize,
    /// Units that it works on.
    pub current: Vec<String>,
    /// Tokens that it generated.
    pub tokens: usize,
    /// Infrastructure errors that it met.
    pub errors: usize,
    /// The last of them.
    pub last_error: Option<String>,
}

/// What was seen of the agents of all looks.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    seen: HashMap<String, (u64, Instant)>,
}

impl Agents {
    /// Reads the heartbeats below a folder; living agents first.
    pub(crate) fn look(&mut self, root: &Path, now: Instant) -> Vec<AgentView> {
        let files = list(&root.join(Layout::AGENTS)).unwrap_or_default();
        let mut agents: Vec<AgentView> = files
            .iter()
            .filter(|file| file.extension().is_some_and(|end| end == "json"))
            .filter_map(|file| {
                // A file that is just being replaced, or is none of ours, is looked at again next time.
                let heartbeat: AgentRecord = serde_json::from_slice(&bytes(file).ok()?).ok()?;
                let age = file.metadata().ok().and_then(|meta| meta.modified().ok());
                let age =
                    age.and_then(|time| SystemTime::now().duration_since(time).ok()).unwrap_or_default();
                let name = file.file_stem()?.to_string_lossy().into_owned();
                Some(self.state(name, heartbeat, age, now))
            })
            .collect();
        agents.sort_by(|a, b| (a.alive as u8).cmp(&(b.alive as u8)).then_with(|| a.id.cmp(&b.id)));
        agents
    }

    fn state(&mut self, name: String, heartbeat: AgentRecord, age: Duration, now: Instant) -> AgentView {
        let lease = if heartbeat.lease_seconds.is_finite() && heartbeat.lease_seconds > 0.0 {
            Duration::from_secs_f64(heartbeat.lease_seconds.min(86_400.0))
        } else {
            Duration::from_secs(60)
        };
        let alive = match self.seen.get(&name) {
            _ if heartbeat.state != AgentState::Running => Alive::Ended,
            Some((beat, since)) if *beat == heartbeat.beat && now.duration_since(*since) >= lease => {
                Alive::Gone
            }
            None if age >= lease => Alive::Gone,
            _ => Alive::Yes,
        };
        match self.seen.get(&name) {
            Some((beat, _)) if *beat == heartbeat.beat => {}
            None if alive == Alive::Gone => {
                // So long unchanged already: it stays gone until it beats again.
                let since = now.checked_sub(lease).unwrap_or(now);
                self.seen.insert(name.clone(), (heartbeat.beat, since));
            }
            _ => {
                self.seen.insert(name.clone(), (heartbeat.beat, now));
            }
        }
        AgentView {
            place: format!("{} {}", heartbeat.host, heartbeat.pid).trim().to_owned(),
            id: if heartbeat.id.is_empty() { name } else { heartbeat.id },
            alive,
            state: heartbeat.state,
            done: heartbeat.done,
            current: heartbeat.current,
            tokens: heartbeat.tokens,
            errors: heartbeat.errors,
            last_error: heartbeat.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(count: u64) -> AgentRecord {
        AgentRecord { beat: count, lease_seconds: 10.0, ..AgentRecord::default() }
    }

    #[test]
    fn an_agent_is_gone_when_its_beat_stands_still_for_its_lease() {
        let (mut agents, start, young) = (Agents::default(), Instant::now(), Duration::ZERO);
        let mut at = |seconds: u64, count: u64| {
            agents.state("a".into(), beat(count), young, start + Duration::from_secs(seconds)).alive
        };
        assert_eq!(at(0, 1), Alive::Yes);
        assert_eq!(at(9, 1), Alive::Yes);
        assert_eq!(at(10, 1), Alive::Gone);
        assert_eq!(at(11, 2), Alive::Yes);
        assert_eq!(at(20, 2), Alive::Yes);
        assert_eq!(at(21, 2), Alive::Gone);
    }

    #[test]
    fn an_old_file_is_a_dead_agent_until_it_beats() {
        let (mut agents, now) = (Agents::default(), Instant::now() + Duration::from_secs(60));
        assert_eq!(agents.state("a".into(), beat(7), Duration::from_secs(11), now).alive, Alive::Gone);
        assert_eq!(
            agents.state("a".into(), beat(7), Duration::from_secs(12), now + Duration::from_secs(1)).alive,
            Alive::Gone
        );
        assert_eq!(
            agents.state("a".into(), beat(8), Duration::ZERO, now + Duration::from_secs(2)).alive,
            Alive::Yes
        );
        let ended = AgentRecord { state: AgentState::Finished, ..beat(9) };
        assert_eq!(agents.state("a".into(), ended, Duration::ZERO, now).alive, Alive::Ended);
    }
}
