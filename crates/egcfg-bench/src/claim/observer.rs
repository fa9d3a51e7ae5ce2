//! Decides from outside whether another agent is gone: its heartbeat stays unchanged for its whole lease, by the observer's
//! own clock and while the observer really looked. Time in which the observer itself slept does not count against others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use egcfg_results::{AgentRecord, Layout};

use super::agent::is_gone;
use crate::store::{Store, StoreError};

/// What one agent knows of the others.
#[derive(Debug, Default)]
pub struct Observer {
    seen: HashMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    /// The last beat; `None` while there is no heartbeat file.
    beat: Option<u64>,
    /// How long it has been the same, as far as it was watched.
    unchanged: Duration,
    looked: Instant,
    gone: bool,
}

impl Observer {
    /// Looks at an agent's heartbeat and says whether its claims may be taken over. `lease` is what the claim itself promises.
    pub async fn expired(&mut self, store: &Store, agent: &str, lease: Duration) -> Result<bool, StoreError> {
        if let Some(seen) = self.seen.get(agent) {
            // Several claims of one agent are looked at together; a bucket counts every look.
            if seen.gone || seen.looked.elapsed() < lease / 12 {
                return Ok(seen.gone || seen.unchanged >= lease);
            }
        }
        let bytes = store.get(&Layout::agent(agent)).await?;
        let record: Option<AgentRecord> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let gone = record.as_ref().is_some_and(is_gone);
        Ok(self.note(agent, record.map(|r| r.beat), gone, lease, Instant::now()))
    }

    fn note(&mut self, agent: &str, beat: Option<u64>, gone: bool, lease: Duration, now: Instant) -> bool {
        let fresh = Seen { beat, unchanged: Duration::ZERO, looked: now, gone };
        let seen = self.seen.entry(agent.to_owned()).or_insert(fresh);
        if seen.beat == beat {
            // A long gap between two looks is the observer's own pause: it counts little.
            seen.unchanged += now.saturating_duration_since(seen.looked).min(lease / 4);
        } else {
            seen.unchanged = Duration::ZERO;
        }
        seen.beat = beat;
        seen.looked = now;
        seen.gone |= gone;
        seen.gone || seen.unchanged >= lease
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_out_only_while_it_is_watched() {
        let (mut observer, lease, start) = (Observer::default(), Duration::from_secs(8), Instant::now());
        let mut at =
            |seconds, beat| observer.note("a", beat, false, lease, start + Duration::from_secs(seconds));
        assert!(!at(0, Some(1)));
        assert!(!at(2, Some(1)));
        assert!(!at(4, Some(2)), "it moved");
        assert!(!at(1000, Some(2)), "the observer slept");
        assert!(!at(1002, Some(2)));
        assert!(!at(1004, Some(2)));
        assert!(at(1006, Some(2)), "four looks of two seconds");
        assert!(!at(1008, Some(3)), "it came back");
    }

    #[test]
    fn who_left_is_gone_at_once() {
        let mut observer = Observer::default();
        assert!(observer.note("a", Some(1), true, Duration::from_secs(60), Instant::now()));
        assert!(!observer.note("b", None, false, Duration::from_secs(60), Instant::now()));
    }
}
