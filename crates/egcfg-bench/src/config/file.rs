//! An experiment in one TOML file of ours. Its keys are those of [`Overrides`], and a table `grid` with the lists `t`, `s`, `d`,
//! `k` and `prompt_type`, whose product comes after the `configurations` that are named. Unknown keys warn.

use egcfg_task::Config;

use super::overrides::grid;
use super::{ConfigError, Overrides};

/// Reads a file's text; `name` is for messages. Returns the settings and warnings.
pub fn parse(name: &str, text: &str) -> Result<(Overrides, Vec<String>), ConfigError> {
    let in_file = |error: &toml::de::Error| {
        let line =
            error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        ConfigError::new(format!("{name}:{line}"), message)
    };
    let mut table: toml::Table = toml::from_str(text).map_err(|error| in_file(&error))?;
    let axes = table.remove("grid");
    let mut warnings = Vec::new();
    let known = serde_json::to_value(Overrides::default()).unwrap_or_default();
    for key in table.keys().filter(|key| known.get(key.as_str()).is_none()) {
        warnings.push(format!("{name}: unknown key '{key}' is not used"));
    }
    // Read from the text again, so that a mistake's line is known; a grid is a table of its own and is not asked for here.
    let mut overrides: Overrides = toml::from_str(text).map_err(|error| in_file(&error))?;
    if let Some(axes) = axes {
        let place = format!("{name}: grid");
        let value = serde_json::to_value(&axes).unwrap_or_default();
        let object = value.as_object().ok_or_else(|| ConfigError::new(&place, "expected a table"))?;
        let (axes, unknown) = grid(&place, object)?;
        warnings.extend(unknown.iter().map(|key| format!("{place}: unknown key '{key}' is not used")));
        let names = axes.product(Config::default());
        let list = overrides.configurations.get_or_insert_default();
        list.extend(names.iter().map(Config::to_string));
    }
    Ok((overrides, warnings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_grids_and_mistakes_are_read() {
        let text = "dataset = \"mbpp\"\nconfigurations = [\"ns5t1.5d8k1_ln\"]\ngammas = [0, 1.5]\nbest_of = \"equal\"\n\
            colour = 3\n[grid]\nt = [0.7, 0.9]\nd = [2, \"inf\"]\n";
        let (overrides, warnings) = parse("e.toml", text).unwrap();
        assert_eq!(overrides.dataset.as_deref(), Some("mbpp"));
        assert_eq!(overrides.gammas, Some(vec![0.0, 1.5]));
        assert_eq!(overrides.configurations.unwrap().len(), 5);
        assert_eq!(warnings, ["e.toml: unknown key 'colour' is not used"]);

        let error = parse("e.toml", "dataset = \"m\"\nretries = \"x\"\n").unwrap_err();
        assert_eq!(error.place, "e.toml:2");
        assert!(parse("e.toml", "[grid]\nd = [0]\n").unwrap_err().to_string().contains("above 0"));
    }
}
