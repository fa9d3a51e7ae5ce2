//! A block whose beginning stays as it is from refresh to refresh (switch `s`): entries keep their places, new ones are
//! appended worst first, and those that no longer fit the answer go only when there is no room left. The guided stream then
//! reads each entry once, where a block in the order of rank is read anew from the first entry that moved.

use egcfg_model::ModelError;

use crate::candidate::Executed;
use crate::signal::{Block, Writer};

/// Share of the budget that a block written anew may take, so that there is room to append to it.
const ANEW: (usize, usize) = (3, 4);

/// What the block shows, in the order in which it was written.
#[derive(Default)]
pub(crate) struct Standing {
    entries: Vec<Executed>,
    /// Lines per trace, as when the block was last written anew.
    lines: usize,
}

impl Standing {
    /// The block after a refresh that wants to show these entries, worst first.
    pub(crate) fn write(&mut self, writer: &Writer<'_>, wanted: &[Executed]) -> Result<Block, ModelError> {
        let new = wanted.iter().filter(|entry| !self.entries.iter().any(|shown| same(shown, entry)));
        let grown: Vec<Executed> = self.entries.iter().chain(new).cloned().collect();
        if !self.entries.is_empty() {
            let (block, _) = writer.attempt(&grown, self.lines)?;
            if block.tokens.len() <= writer.budget {
                self.entries = grown;
                return Ok(block);
            }
        }
        let (block, lines) = writer.within(wanted, writer.budget * ANEW.0 / ANEW.1)?;
        self.entries = wanted[wanted.len() - block.entries..].to_vec();
        self.lines = lines;
        Ok(block)
    }
}

/// Whether two entries are written alike.
fn same(a: &Executed, b: &Executed) -> bool {
    a.normal == b.normal && a.candidate.finished == b.candidate.finished
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use egcfg_model::ScriptedModel;
    use egcfg_task::Task;

    use super::*;
    use crate::candidate::Candidate;
    use crate::prompt::Seam;
    use crate::settings::SignalStyle;

    fn entry(id: usize) -> Executed {
        let program = format!("def f(x):\n    return x + {id}\n");
        let candidate = Candidate {
            id,
            seed: 0,
            tokens: Vec::new(),
            first_row: 0,
            rows: Vec::new(),
            end_token: None,
            finished: true,
        };
        Executed {
            candidate: Arc::new(candidate),
            normal: program.clone(),
            program,
            observations: Arc::default(),
        }
    }

    fn entries(ids: &[usize]) -> Vec<Executed> {
        ids.iter().copied().map(entry).collect()
    }

    #[test]
    fn entries_stay_where_they_are_until_there_is_no_room() {
        let letters: Vec<String> = std::iter::once(String::new())
            .chain((9..127_u8).map(|byte| (byte as char).to_string()))
            .collect();
        let model = ScriptedModel::hashed(&letters, 1);
        let (task, seam) = (Task::default(), Seam::default());
        let mut writer = Writer {
            model: &model,
            task: &task,
            style: SignalStyle::Compact,
            heading: Some("# Runs\n"),
            outcome: false,
            budget: 7 + 6 * 27,
            seam: &seam,
        };
        let shown = |block: &Block| -> Vec<usize> {
            let digits = block.text.split("x + ").skip(1);
            digits.map(|rest| rest[..1].parse().unwrap()).collect()
        };
        let mut standing = Standing::default();
        let first = standing.write(&writer, &entries(&[2, 1])).unwrap();
        assert_eq!(shown(&first), [2, 1]);
        // The order of rank has changed, one is new, and one is no longer wanted: all old ones stay.
        let second = standing.write(&writer, &entries(&[1, 3])).unwrap();
        assert_eq!(shown(&second), [2, 1, 3]);
        assert!(second.tokens.starts_with(&first.tokens));
        assert_eq!(standing.write(&writer, &entries(&[3, 1])).unwrap(), second);
        // No room for six: only the wanted ones, as many of the best as three quarters of the budget hold.
        let third = standing.write(&writer, &entries(&[3, 4, 5, 6, 7])).unwrap();
        assert_eq!(shown(&third), [4, 5, 6, 7]);
        assert_eq!(shown(&standing.write(&writer, &entries(&[9, 8])).unwrap()), [4, 5, 6, 7, 9, 8]);
        writer.budget = 0;
        assert_eq!(standing.write(&writer, &entries(&[1])).unwrap(), Block::default());
    }
}
