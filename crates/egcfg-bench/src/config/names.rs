//! Configurations in a file: a list of their canonical names. They are read once, here, and travel as values from then on.

use egcfg_task::Config;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

/// Writes the names.
#[expect(clippy::ref_option, reason = "the form that serde calls")]
pub(super) fn serialize<S: Serializer>(configs: &Option<Vec<Config>>, out: S) -> Result<S::Ok, S::Error> {
    let names: Option<Vec<String>> =
        configs.as_ref().map(|configs| configs.iter().map(Config::to_string).collect());
    names.serialize(out)
}

/// Reads the names; a wrong one is an error that quotes it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Config>>, D::Error> {
    let names = Option::<Vec<String>>::deserialize(from)?;
    let read = |name: String| name.parse::<Config>().map_err(D::Error::custom);
    names.map(|names| names.into_iter().map(read).collect()).transpose()
}
