//! The files that users of the reference implementation have: `session_config*.json` (one object), the grid of
//! `dynamic_signals_params.json` (lists whose product is run), and `dynamic_signals_configs.json` (a list of names). Keys that are not
//! known warn; keys that mean nothing here are named as such.

use egcfg_guidance::SignalStyle;
use egcfg_task::Config;
use serde_json::{Map, Value};

use super::overrides::grid;
use super::typo::{nearest, unknown};
use super::{ConfigError, Overrides};

/// Read, with the meaning that they have there.
const KEYS: [&str; 16] = [
    "gammas",
    "model_name",
    "deployment_type",
    "inference_endpoint_url",
    "inference_endpoint_api_key",
    "dataset",
    "results_dir",
    "minimal_trace",
    "retries_count",
    "random_seed",
    "start_idx",
    "end_idx",
    "use_global_cache",
    "exec_eval",
    "exec_eval_host_ip",
    "exec_eval_host_port",
];
/// Read and without a meaning here.
const WITHOUT_MEANING: [&str; 3] = ["debug_mode", "is_prod", "top_probs"];

/// Reads a session's file. Returns the settings, and warnings about keys.
pub fn session(name: &str, text: &str) -> Result<(Overrides, Vec<String>), ConfigError> {
    let object = object(name, text)?;
    let (mut out, mut warnings) = (Overrides::default(), Vec::new());
    let mut endpoint = Endpoint::default();
    for (key, value) in &object {
        if value.is_null() {
            continue;
        }
        let field = Field { place: format!("{}: {key}", at(name, text, key)), value };
        match key.as_str() {
            "gammas" => out.gammas = Some(field.numbers()?),
            "model_name" => endpoint.model = Some(field.text()?),
            "deployment_type" => endpoint.deployment = Some(field.text()?),
            "inference_endpoint_url" => endpoint.url = Some(field.text()?),
            "inference_endpoint_api_key" => {
                if value.as_str().is_some_and(|key| !key.is_empty()) {
                    warnings.push(format!(
                        "{name}: inference_endpoint_api_key is not read from a file; remove it there and set the environment variable"
                    ));
                }
            }
            "dataset" => out.dataset = Some(field.text()?),
            "results_dir" => out.results = Some(field.text()?),
            "minimal_trace" => {
                out.signal_format =
                    Some(if field.flag()? { SignalStyle::Minimal } else { SignalStyle::Full });
            }
            // A count of tries; ours counts the repetitions after the first.
            "retries_count" => out.retries = Some(field.count()?.saturating_sub(1) as u32),
            "random_seed" => out.seed = Some(field.count()?),
            "start_idx" => out.start = Some(field.count()? as usize),
            "end_idx" => out.end = field.end()?,
            "use_global_cache" => {
                if field.flag()? {
                    warnings.push(format!(
                        "{name}: use_global_cache: every unit is run all the same, for honest scores; --until-solved skips solved tasks"
                    ));
                }
            }
            "exec_eval" => endpoint.exec_eval = field.flag()?,
            "exec_eval_host_ip" => endpoint.exec_host = Some(field.text()?),
            "exec_eval_host_port" => endpoint.exec_port = Some(field.count_or_text()?),
            known if WITHOUT_MEANING.contains(&known) => {}
            // A slip of the pen would change what is run; a key of another version of that program would not.
            other => match nearest(other, KEYS.into_iter().chain(WITHOUT_MEANING)) {
                Some(_) => return Err(ConfigError::new(at(name, text, other), unknown(other, KEYS))),
                None => warnings.push(format!("{name}: unknown key '{other}' is not used")),
            },
        }
    }
    out.model = endpoint.model(name)?;
    out.exec_eval = endpoint.grader();
    Ok((out, warnings))
}

/// Reads a grid's file into configuration names.
pub fn params(name: &str, text: &str) -> Result<(Vec<Config>, Vec<String>), ConfigError> {
    let axes = grid(name, &object(name, text)?).map_err(|error| placed(name, text, error))?;
    Ok((axes.product(Config::default()), Vec::new()))
}

/// Reads a list of configuration names, in the spelling that egcfg gives them.
pub fn trials(name: &str, text: &str) -> Result<Vec<Config>, ConfigError> {
    let value: Value = serde_json::from_str(text).map_err(|error| in_json(name, &error))?;
    let list = value.as_array().ok_or_else(|| ConfigError::new(name, "expected a list of names"))?;
    let mut configurations = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        let place = format!("{}: entry {}", at(name, text, entry.as_str().unwrap_or_default()), index + 1);
        let text = entry.as_str().ok_or_else(|| ConfigError::new(&place, "expected a configuration name"))?;
        let config: Config = text
            .parse()
            .map_err(|error: egcfg_task::NameError| ConfigError::new(&place, error.to_string()))?;
        configurations.push(config);
    }
    if configurations.is_empty() {
        return Err(ConfigError::new(name, "the list of configuration names is empty"));
    }
    Ok(configurations)
}

/// A file's name with the line in which a text stands in quotation marks.
fn at(name: &str, text: &str, quoted: &str) -> String {
    let found = text.find(&format!("\"{quoted}\""));
    found.map_or_else(
        || name.to_owned(),
        |found| format!("{name}:{}", text[..found].bytes().filter(|byte| *byte == b'\n').count() + 1),
    )
}

/// An error about a key with the line of that key.
fn placed(name: &str, text: &str, error: ConfigError) -> ConfigError {
    let whole = error.to_string();
    let key = text.split('"').find(|word| {
        whole.starts_with(&format!("{name}: {word}:"))
            || whole.starts_with(&format!("{name}: field `{word}`"))
    });
    match key {
        Some(key) => {
            ConfigError::new(at(name, text, key), whole.trim_start_matches(name).trim_start_matches(": "))
        }
        None => error,
    }
}

/// Keys that mean something together.
#[derive(Default)]
struct Endpoint {
    model: Option<String>,
    deployment: Option<String>,
    url: Option<String>,
    exec_eval: bool,
    exec_host: Option<String>,
    exec_port: Option<String>,
}

impl Endpoint {
    fn model(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match (self.deployment.as_deref().unwrap_or("local"), &self.model, &self.url) {
            ("local", model, _) => Ok(model.clone()),
            ("inference_endpoint", Some(model), Some(url)) => Ok(Some(format!("{url}#{model}"))),
            ("inference_endpoint", None, _) => Err(ConfigError::new(name, "model_name is missing")),
            ("inference_endpoint", _, None) => {
                Err(ConfigError::new(name, "inference_endpoint_url is missing"))
            }
            (other, ..) => Err(ConfigError::new(
                format!("{name}: deployment_type"),
                format!("'{other}' is neither 'local' nor 'inference_endpoint'"),
            )),
        }
    }

    fn grader(&self) -> Option<String> {
        let host = self.exec_host.as_deref().unwrap_or("127.0.0.1");
        let port = self.exec_port.as_deref().unwrap_or("5000");
        self.exec_eval.then(|| format!("{host}:{port}"))
    }
}

struct Field<'a> {
    place: String,
    value: &'a Value,
}

impl Field<'_> {
    fn bad(&self, what: &str) -> ConfigError {
        ConfigError::new(self.place.clone(), format!("expected {what}, found {}", self.value))
    }

    fn text(&self) -> Result<String, ConfigError> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.bad("a text"))
    }

    fn flag(&self) -> Result<bool, ConfigError> {
        self.value.as_bool().ok_or_else(|| self.bad("true or false"))
    }

    fn count(&self) -> Result<u64, ConfigError> {
        self.value.as_u64().ok_or_else(|| self.bad("a whole number from 0"))
    }

    /// A negative end means that there is none.
    fn end(&self) -> Result<Option<usize>, ConfigError> {
        match self.value.as_i64() {
            Some(end) if end < 0 => Ok(None),
            _ => self.count().map(|end| Some(end as usize)),
        }
    }

    fn count_or_text(&self) -> Result<String, ConfigError> {
        self.text().or_else(|_| self.count().map(|n| n.to_string()))
    }

    fn numbers(&self) -> Result<Vec<f64>, ConfigError> {
        let list = self.value.as_array().ok_or_else(|| self.bad("a list of numbers"))?;
        list.iter().map(|n| n.as_f64().ok_or_else(|| self.bad("a list of numbers"))).collect()
    }
}

fn object(name: &str, text: &str) -> Result<Map<String, Value>, ConfigError> {
    match serde_json::from_str(text).map_err(|error| in_json(name, &error))? {
        Value::Object(object) => Ok(object),
        _ => Err(ConfigError::new(name, "expected a JSON object")),
    }
}

fn in_json(name: &str, error: &serde_json::Error) -> ConfigError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ConfigError::new(format!("{name}:{}:{}", error.line(), error.column()), message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::*;

    #[test]
    fn a_session_of_an_endpoint_is_read() {
        let text = r#"{"gammas": [0, 0.5, 1, 3], "model_name": "org/coder", "deployment_type": "inference_endpoint",
            "inference_endpoint_url": "http://h/v1", "inference_endpoint_api_key": "secret", "dataset": "mbpp",
            "results_dir": "out", "use_global_cache": true, "debug_mode": false, "is_prod": true, "minimal_trace": true,
            "exec_eval": true, "exec_eval_host_ip": "10.0.0.1", "exec_eval_host_port": 5000, "retries_count": 2,
            "random_seed": 40, "top_probs": 5, "start_idx": 0, "end_idx": 500, "novel": 1}"#;
        let (read, warnings) = session("s.json", text).unwrap();
        assert_eq!(read.model.as_deref(), Some("http://h/v1#org/coder"));
        assert_eq!((read.retries, read.seed, read.end), (Some(1), Some(40), Some(500)));
        assert_eq!(read.signal_format, Some(SignalStyle::Minimal));
        assert_eq!(read.exec_eval.as_deref(), Some("10.0.0.1:5000"));
        assert_eq!(read.until_solved, None);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings.iter().all(|warning| !warning.contains("secret")), "{warnings:?}");
    }

    #[test]
    fn mistakes_name_file_and_key() {
        for (text, part) in [
            ("[]", "s.json: expected a JSON object"),
            ("{\"gammas\": 3}", "s.json:1: gammas: expected a list of numbers"),
            ("{\"deployment_type\": \"cloud\"}", "s.json: deployment_type: 'cloud'"),
            ("{\n\"x\": }", "s.json:2:"),
            ("{\n\"end_idx\": \"many\"}", "s.json:2: end_idx"),
            ("{\"gamas\": [1]}", "s.json:1: field `gamas`: there is no such field; did you mean `gammas`?"),
        ] {
            let error = session("s.json", text).unwrap_err().to_string();
            assert!(error.starts_with(part), "{text}: {error}");
        }
        assert_eq!(trials("t.json", r#"["ns3t1d2_ln"]"#).unwrap(), ["ns3t1.0d2k1_ln".parse().unwrap()]);
        assert!(trials("t.json", r#"["ns3"]"#).unwrap_err().to_string().starts_with("t.json:1: entry 1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,60}") {
            let _ = (session("s", &text), params("p", &text), trials("t", &text), super::super::file::parse("f", &text));
        }
    }
}
