//! What a server is and can do, found out by asking it: who it says it is, whether it turns text into tokens, how long its lists
//! are, whether it scores prompts, takes several prompts at once, draws several completions, and whether its numbers are
//! those before or after the temperature.

use serde_json::Value;

use crate::api::{ModelInfo, TokenId};
use crate::chat::ChatTemplate;
use crate::endpoint::ask::{Answer, Ask};
use crate::endpoint::capabilities::Capabilities;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::pieces::Pieces;
use crate::endpoint::tokenizer::{MOST_TOKENS, Tokenizer};
use crate::endpoint::transport::{Outcome, Transport};
use crate::error::ModelError;

/// Context length where a server does not tell.
const CONTEXT: usize = 4096;
/// The questions to a server.
pub(crate) struct Probe<'a> {
    pub(super) transport: &'a Transport,
    pub(super) pieces: &'a Pieces,
    pub(super) tokenizer: Option<&'a Tokenizer>,
    pub(super) caps: Capabilities,
    pub(super) info: ModelInfo,
    pub(super) prompt: Vec<TokenId>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(
        transport: &'a Transport,
        pieces: &'a Pieces,
        tokenizer: Option<&'a Tokenizer>,
    ) -> Self {
        Self {
            transport,
            pieces,
            tokenizer,
            caps: Capabilities::default(),
            info: ModelInfo::default(),
            prompt: Vec::new(),
        }
    }

    /// Asks everything.
    pub(crate) async fn run(mut self) -> Result<(Capabilities, ModelInfo), ModelError> {
        let models = self.transport.call("models", None).await?;
        self.model(&models)?;
        self.caps.dialect = match self.transport.options().dialect {
            Some(dialect) => dialect,
            None => self.dialect(&models).await?,
        };
        self.facts().await?;
        self.tokenizer().await?;
        self.lists().await?;
        self.prompts().await?;
        self.numbers().await?;
        self.finish();
        Ok((self.caps, self.info))
    }

    /// The model's name: the one asked for, or the only one there is.
    fn model(&mut self, models: &Value) -> Result<(), ModelError> {
        let host = self.transport.options().host();
        let shown = |text: &str| self.transport.excerpt(text.as_bytes());
        let all = models["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let names: Vec<&str> = all.iter().filter_map(|m| m["id"].as_str()).collect();
        let chosen = match &self.transport.options().model {
            Some(name) => {
                // Some services list nothing, or not everything that they serve.
                if !names.is_empty() && !names.contains(&name.as_str()) {
                    self.caps.notes.push(format!("{name} is not in the server's list of models"));
                }
                name.clone()
            }
            None if names.len() == 1 => names[0].to_owned(),
            None => {
                let some: Vec<&str> = names.iter().take(12).copied().collect();
                let reason = if names.is_empty() {
                    "the server lists no model; name one behind a #".to_owned()
                } else {
                    format!(
                        "the server has {} models; name one behind a #: {}",
                        names.len(),
                        shown(&some.join(", "))
                    )
                };
                return Err(ModelError::Load { path: host, reason });
            }
        };
        let entry = all.iter().find(|m| m["id"].as_str() == Some(&chosen)).cloned().unwrap_or(Value::Null);
        self.info.context = entry["max_model_len"].as_u64().unwrap_or(0) as usize;
        self.caps.vocab = entry["meta"]["n_vocab"].as_u64().map(|n| n as usize);
        if let Some(facts) = entry.get("egcfg") {
            self.info.prompt_template = facts["prompt_template"].as_str().map(str::to_owned);
            self.chat_template(&facts["chat_template"]);
            self.caps.vocab = facts["vocab"].as_u64().map(|n| n as usize);
            self.info.end_tokens = facts["end_tokens"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|id| Some(id.as_u64()? as TokenId))
                .collect();
        }
        // vLLM tells where the weights come from, llama.cpp what the file holds, this program their hash.
        self.report("root", &entry["root"]);
        self.report("sha256", &entry["egcfg"]["sha256"]);
        if let Some(adapters) = entry["egcfg"]["adapters"].as_array().filter(|list| !list.is_empty()) {
            self.report("adapters", &Value::String(Value::from(adapters.clone()).to_string()));
        }
        for fact in ["n_params", "size", "n_vocab", "n_embd"] {
            self.report(fact, &entry["meta"][fact]);
        }
        self.caps.model = chosen;
        Ok(())
    }

    /// Notes a fact about the served model, where the server tells it.
    fn report(&mut self, name: &str, value: &Value) {
        let told = match value {
            Value::String(text) if !text.is_empty() => self.transport.excerpt(text.as_bytes()),
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        self.caps.reported.push((name.to_owned(), told));
    }

    /// Who is there.
    async fn dialect(&mut self, models: &Value) -> Result<Dialect, ModelError> {
        let owner = models["data"][0]["owned_by"].as_str().unwrap_or_default();
        let known = match owner {
            "egcfg" => Some(Dialect::Egcfg),
            "vllm" => Some(Dialect::Vllm),
            "sglang" => Some(Dialect::Sglang),
            "llamacpp" => Some(Dialect::LlamaCpp),
            _ => None,
        };
        if let Some(dialect) = known {
            return Ok(dialect);
        }
        if let Some(props) = self.maybe("/props").await?
            && props.get("default_generation_settings").is_some()
        {
            return Ok(Dialect::LlamaCpp);
        }
        if let Some(info) = self.maybe("/get_model_info").await?
            && info.get("model_path").is_some()
        {
            return Ok(Dialect::Sglang);
        }
        Ok(Dialect::OpenAi)
    }

    /// What stands at a path, if anything that can be read does: strangers answer unknown paths in many ways.
    async fn maybe(&self, path: &str) -> Result<Option<Value>, ModelError> {
        match self.transport.ask(path, None).await {
            Ok(Outcome::Json(value)) => Ok(Some(value)),
            Ok(Outcome::Refused(..)) | Err(ModelError::BadReply { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the server's chat template, if it tells one that can be used.
    fn chat_template(&mut self, told: &Value) {
        let Some(source) = told.as_str().filter(|source| !source.is_empty()) else { return };
        match ChatTemplate::probed(source.to_owned()) {
            Ok(source) => self.info.chat_template = Some(source),
            Err(error) => self.caps.notes.push(format!("{error}; the model is asked without it")),
        }
    }

    /// What the server says about itself.
    async fn facts(&mut self) -> Result<(), ModelError> {
        match self.caps.dialect {
            Dialect::LlamaCpp => {
                let props = self.transport.call("/props", None).await?;
                let context = props["default_generation_settings"]["n_ctx"].as_u64().unwrap_or(0);
                self.info.context = context as usize;
                self.chat_template(&props["chat_template"]);
                self.report("model_path", &props["model_path"]);
                self.caps.server = format!("llama.cpp {}", props["build_info"].as_str().unwrap_or(""));
                // A completion takes a slot.
                self.caps.most_n = props["total_slots"].as_u64().unwrap_or(1) as usize;
                self.caps.special.extend(props["eos_token"].as_str().map(str::to_owned));
            }
            Dialect::Vllm => {
                if let Some(version) = self.maybe("/version").await? {
                    self.caps.server = format!("vLLM {}", version["version"].as_str().unwrap_or(""));
                }
            }
            Dialect::Sglang => {
                if let Some(info) = self.maybe("/get_server_info").await? {
                    self.report("model_path", &info["model_path"]);
                    self.caps.server = format!("SGLang {}", info["version"].as_str().unwrap_or(""));
                    let context = info["context_length"].as_u64().or(info["max_total_num_tokens"].as_u64());
                    if self.info.context == 0 {
                        self.info.context = context.unwrap_or(0) as usize;
                    }
                }
            }
            Dialect::Egcfg | Dialect::OpenAi => {}
        }
        if let Some(context) = self.transport.options().context {
            self.info.context = context;
        } else if self.info.context == 0 {
            self.info.context = CONTEXT;
            self.caps.notes.push(format!(
                "the server does not tell its context length; {CONTEXT} is assumed (set it with ?context=)"
            ));
        }
        Ok(())
    }

    pub(super) fn ask(&self) -> Ask {
        Ask {
            prompts: vec![self.prompt.clone()],
            n: 1,
            max_tokens: 1,
            top_p: 1.0,
            top: self.caps.top,
            vocab: self.caps.vocab,
            ..Ask::default()
        }
    }

    /// The answer to an ask, or why it was refused.
    pub(super) async fn attempt(&self, ask: &Ask) -> Result<Result<Answer, String>, ModelError> {
        let body = self.caps.dialect.body(ask, &self.caps.model, self.pieces, self.caps.ids_in);
        match self.transport.ask(self.caps.dialect.path(), Some(&body)).await? {
            Outcome::Json(reply) => Ok(self.caps.dialect.read(&reply, ask, self.pieces)),
            Outcome::Refused(status, said) => match status {
                401 | 403 => {
                    Err(self.transport.bad(format!("status {status}, the key was not accepted"), said))
                }
                404 => {
                    Err(self.transport.bad("status 404: this server has no completions in this form", said))
                }
                _ => Ok(Err(said)),
            },
        }
    }

    fn finish(&mut self) {
        let options = self.transport.options();
        self.info.name = self.caps.model.clone();
        self.info.vocab = self.caps.vocab.unwrap_or(MOST_TOKENS);
        if options.template.is_some() {
            self.info.prompt_template.clone_from(&options.template);
        }
        if self.caps.tempered {
            self.caps.notes.push(
                "log-probabilities are those after the temperature: samples are scored again".to_owned(),
            );
        }
        let mut detail = |key: &str, value: String| self.info.details.push((key.to_owned(), value));
        detail("endpoint", options.base.clone());
        detail("dialect", self.caps.dialect.name().to_owned());
        if !self.caps.server.trim().is_empty() {
            detail("server", self.transport.excerpt(self.caps.server.as_bytes()));
        }
        detail("list length", self.caps.top.to_string());
    }
}
