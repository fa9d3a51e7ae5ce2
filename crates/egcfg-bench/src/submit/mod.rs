//! Job files for clusters. An agent needs to know nothing of the others, so a job array (or an indexed Job) of the same command is all;
//! one that is ended by its time limit or pre-empted gives its claims back, or lets them expire, and may be started again.

mod kubernetes;
mod slurm;

pub use kubernetes::{Kubernetes, Volume};
pub use slurm::Slurm;

/// What an agent's place must offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// Agents to start.
    pub agents: u32,
    /// The job's name.
    pub name: String,
    /// Time limit in seconds.
    pub seconds: Option<u64>,
    /// Processors per agent.
    pub cpus: u32,
    /// Accelerators per agent.
    pub gpus: u32,
    /// Memory per agent in MiB.
    pub memory_mib: u64,
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// Reads `HH:MM:SS`, `MM:SS`, or days before a dash, as Slurm writes times; in seconds.
pub fn seconds(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (days.parse::<u64>().ok()?, clock),
        None => (0, text),
    };
    let parts: Vec<u64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let within = match *parts.as_slice() {
        [hours, minutes, seconds] => {
            hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?
        }
        [minutes, seconds] => minutes.checked_mul(60)?.checked_add(seconds)?,
        _ => return None,
    };
    let total = days.checked_mul(86_400)?.checked_add(within)?;
    (total > 0).then_some(total)
}

/// Reads a size such as `16G`, `512M` or `16Gi`; in MiB.
pub fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim_end_matches(['i', 'B', 'b']);
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let factor = match &text[digits.len()..] {
        "" | "M" | "m" => 1,
        "G" | "g" => 1024,
        "T" | "t" => 1024 * 1024,
        _ => return None,
    };
    number.checked_mul(factor).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read() {
        assert_eq!(seconds("04:00:00"), Some(14_400));
        assert_eq!(seconds("1-00:30:00"), Some(88_200));
        assert_eq!(seconds("10:00"), Some(600));
        assert_eq!((seconds("4h"), seconds("0:00"), seconds("99999999999999999999:00")), (None, None, None));
        assert_eq!(
            (mebibytes("16G"), mebibytes("16Gi"), mebibytes("512")),
            (Some(16_384), Some(16_384), Some(512))
        );
        assert_eq!((mebibytes("lots"), mebibytes("0G")), (None, None));
    }

    #[test]
    fn words_keep_their_spaces_and_quotes() {
        assert_eq!(quoted("a/b.toml"), "a/b.toml");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
