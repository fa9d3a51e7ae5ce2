//! The configuration whose pass@1 is reported: named beforehand, never chosen by its score.

use egcfg_results::read::{Cell, Group};
use serde::Serialize;

/// A configuration and gamma, fixed without looking at its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fixed {
    /// The configuration's name.
    pub configuration: String,
    /// Guidance strength.
    pub gamma: f64,
    /// How it came to be this one.
    pub reason: &'static str,
}

impl Fixed {
    /// Reads `NAME` or `NAME@GAMMA`; the gamma is 1 where none is given.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, gamma) = text.split_once('@').unwrap_or((text, "1"));
        let gamma: f64 = gamma.parse().map_err(|_| format!("'{gamma}' after '@' is no gamma"))?;
        if name.is_empty() || !gamma.is_finite() {
            return Err(format!("'{text}' is not NAME or NAME@GAMMA"));
        }
        Ok(Self { configuration: name.to_owned(), gamma, reason: "named on the command line" })
    }

    /// The configuration that comes first in the experiment, at gamma 1 or the smallest above 0: a rule that does not look
    /// at scores.
    pub(crate) fn first_of(group: &Group) -> Option<Self> {
        let first = group.cells.iter().find(|cell| cell.guided_grid() && cell.gamma != 0.0)?;
        let own = group.cells.iter().filter(|c| c.configuration == first.configuration && c.gamma != 0.0);
        let mut gammas: Vec<f64> = own.map(|cell| cell.gamma).collect();
        gammas.sort_by(f64::total_cmp);
        let gamma = if gammas.contains(&1.0) { 1.0 } else { *gammas.first()? };
        let reason = "the experiment's first configuration, chosen without looking at scores";
        Some(Self { configuration: first.configuration.clone(), gamma, reason })
    }

    /// Whether a result is of this configuration and gamma.
    pub fn covers(&self, cell: &Cell) -> bool {
        cell.guided_grid() && cell.configuration == self.configuration && cell.gamma == self.gamma
    }
}

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at gamma {}", self.configuration, self.gamma)
    }
}
