//! A job array for `sbatch`.

use std::fmt::Write as _;

use super::{Resources, quoted};

/// What a Slurm job needs besides its resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slurm {
    /// Resources of each agent.
    pub resources: Resources,
    pub partition: Option<String>,
    pub account: Option<String>,
    /// Folder of the agents' output files.
    pub logs: String,
    /// Program and arguments.
    pub command: Vec<String>,
}

impl Slurm {
    /// The job's script. `SIGTERM` comes a minute before the time limit, so that agents give their claims back; a pre-empted
    /// agent is queued again.
    pub fn script(&self) -> String {
        let Resources { agents, name, seconds, cpus, gpus, memory_mib } = &self.resources;
        let mut text = String::from("#!/bin/bash\n");
        let mut line = |option: &str| {
            let _ = writeln!(text, "#SBATCH {option}");
        };
        line(&format!("--job-name={}", one_word(name)));
        line(&format!("--array=0-{}", agents.max(&1) - 1));
        line("--ntasks=1");
        line(&format!("--cpus-per-task={}", cpus.max(&1)));
        line(&format!("--mem={memory_mib}M"));
        if *gpus > 0 {
            line(&format!("--gres=gpu:{gpus}"));
        }
        if let Some(seconds) = seconds {
            let (hours, rest) = (seconds / 3600, seconds % 3600);
            line(&format!("--time={hours}:{:02}:{:02}", rest / 60, rest % 60));
        }
        if let Some(partition) = &self.partition {
            line(&format!("--partition={}", one_word(partition)));
        }
        if let Some(account) = &self.account {
            line(&format!("--account={}", one_word(account)));
        }
        line(&format!("--output={}/{}-%A_%a.log", one_word(&self.logs), one_word(name)));
        line("--signal=B:TERM@60");
        line("--requeue");
        line("--open-mode=append");
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        let _ = write!(
            text,
            "\n# Agents share the work through the results store; each is told nothing of the others.\n\
             # exec: the signal before the time limit goes to the agent itself.\nexec {}\n",
            command.join(" ")
        );
        text
    }
}

/// `#SBATCH` lines know no quotes that every version reads alike: white space becomes `_`.
fn one_word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}
