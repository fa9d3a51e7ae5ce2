//! A model that writes what a file says, for trying out set-ups (agents, clusters, stores) without a model. It is asked and
//! answers as any other; the sandbox judges its programs in earnest. `--model scripted:FILE` is not listed among the models.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use egcfg_model::{
    Encode, LanguageModel, ModelError, ModelInfo, Sample, SampleRequest, ScoreReply, ScoreRequest,
    ScriptedModel, TokenId, Usage,
};
use futures::future::BoxFuture;
use serde::Deserialize;

use crate::exit::Failure;

/// The spelling before the file's name.
pub(crate) const PREFIX: &str = "scripted:";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The model's name in results.
    #[serde(default = "scripted")]
    name: String,
    /// Seconds that each request takes.
    #[serde(default)]
    delay: f64,
    /// A text that stands in a task's prompt, and the program that is written for it.
    programs: BTreeMap<String, String>,
    /// Texts in whose presence a request fails.
    #[serde(default)]
    failures: Vec<String>,
}

fn scripted() -> String {
    "scripted".to_owned()
}

/// Reads a script.
pub(crate) fn load(path: &str) -> Result<Arc<dyn LanguageModel>, Failure> {
    let text = egcfg_files::read_small(Path::new(path)).map_err(Failure::file)?;
    let script: Script =
        toml::from_str(&text).map_err(|error| Failure::input(format!("{path}: {}", error.message())))?;
    let Script { name, delay, programs, failures } = script;
    let end: TokenId = 256;
    let mut vocab: Vec<Vec<u8>> = (0..=255_u8).map(|byte| vec![byte]).collect();
    vocab.push(Vec::new());
    let rule = move |context: &[TokenId]| {
        let bytes: Vec<u8> = context.iter().filter_map(|token| u8::try_from(*token).ok()).collect();
        let mut logits = vec![0.0; 257];
        logits[next(&String::from_utf8_lossy(&bytes), &programs).map_or(end as usize, usize::from)] = 40.0;
        logits
    };
    let model = ScriptedModel::with_rule(&vocab, Box::new(rule)).with_context(1 << 20);
    let model = model.with_info(|info| info.name = name);
    let delay = Duration::try_from_secs_f64(delay).unwrap_or_default();
    Ok(Arc::new(Slow { model, delay, failures }))
}

/// The byte after a prompt and what was written of its answer; `None` at the end.
fn next(text: &str, programs: &BTreeMap<String, String>) -> Option<u8> {
    const OPENING: &str = "```python\n";
    let start = text.rfind(OPENING)?;
    let answer = &text[start + OPENING.len()..];
    // The task stands after the solved examples: of several texts the last one counts.
    let known =
        programs.iter().filter_map(|(key, program)| Some((text[..start].rfind(key.as_str())?, program)));
    let program = known.max_by_key(|(at, _)| *at)?.1;
    let whole = format!("{program}\n```");
    whole.strip_prefix(answer)?.bytes().next()
}

/// The scripted model, as slow and as unreliable as the script says.
struct Slow {
    model: ScriptedModel,
    delay: Duration,
    failures: Vec<String>,
}

impl Slow {
    async fn wait(&self, context: &[TokenId]) -> Result<(), ModelError> {
        tokio::time::sleep(self.delay).await;
        let text = self.model.text(context);
        match self.failures.iter().find(|failure| text.contains(failure.as_str())) {
            Some(failure) => Err(ModelError::Engine(format!("the script says so for '{failure}'"))),
            None => Ok(()),
        }
    }
}

impl LanguageModel for Slow {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    fn encode(&self, text: &str, how: Encode) -> Result<Vec<TokenId>, ModelError> {
        self.model.encode(text, how)
    }

    fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.model.token_bytes(token)
    }

    fn score(&self, request: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        Box::pin(async move {
            self.wait(&request.context).await?;
            self.model.score(request).await
        })
    }

    fn sample(&self, request: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        Box::pin(async move {
            self.wait(&request.context).await?;
            self.model.sample(request).await
        })
    }
}
