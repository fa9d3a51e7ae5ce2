//! placeholder
use crate::api::*;
use crate::error::ModelError;
use futures::future::BoxFuture;
/// placeholder
pub struct ScriptedModel;
impl LanguageModel for ScriptedModel {
    fn info(&self) -> &ModelInfo {
        loop {}
    }
    fn encode(&self, _: &str, _: Encode) -> Result<Vec<TokenId>, ModelError> {
        loop {}
    }
    fn token_bytes(&self, _: TokenId) -> &[u8] {
        &[]
    }
    fn score(&self, _: ScoreRequest) -> BoxFuture<'_, Result<ScoreReply, ModelError>> {
        loop {}
    }
    fn sample(&self, _: SampleRequest) -> BoxFuture<'_, Result<(Vec<Sample>, Usage), ModelError>> {
        loop {}
    }
}
