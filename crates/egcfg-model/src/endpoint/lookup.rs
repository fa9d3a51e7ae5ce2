//! Text into tokens and tokens into text by a server's own tokenizer, and text in pieces where only text passes.

use serde_json::json;

use crate::api::{Encode, TokenId};
use crate::endpoint::ask::token_id;
use crate::endpoint::capabilities::Capabilities;
use crate::endpoint::dialect::Dialect;
use crate::endpoint::pieces::{Pieces, mark, marked, unmarked};
use crate::endpoint::tokenizer::cut;
use crate::endpoint::transport::Transport;
use crate::error::ModelError;

/// Bytes of a piece of prompt text where only text passes: about what a token of code holds, so that lengths in tokens mean
/// something.
pub(crate) const TEXT_PIECE: usize = 4;

/// One text through the server's tokenizer.
pub(crate) async fn tokenize(
    transport: &Transport,
    caps: &Capabilities,
    text: &str,
    how: Encode,
    special: bool,
) -> Result<Vec<TokenId>, ModelError> {
    let template = how == Encode::Template;
    let body = if caps.dialect == Dialect::LlamaCpp {
        json!({ "content": text, "add_special": special, "parse_special": template })
    } else {
        json!({ "model": caps.model, "prompt": text, "add_special_tokens": special, "parse_special": template })
    };
    let reply = transport.call("/tokenize", Some(&body)).await?;
    let tokens: Option<Result<Vec<TokenId>, String>> =
        reply["tokens"].as_array().map(|all| all.iter().map(token_id).collect());
    let said = || reply.to_string();
    match tokens {
        Some(Ok(tokens)) => Ok(tokens),
        Some(Err(reason)) => Err(transport.bad(reason, said())),
        None => Err(transport.bad("no tokens", said())),
    }
}

/// Learns the bytes of some tokens: one request for all of them, or one for each where that does not come out.
pub(crate) async fn look_up(
    transport: &Transport,
    caps: &Capabilities,
    pieces: &Pieces,
    tokens: &[TokenId],
) -> Result<usize, ModelError> {
    if tokens.is_empty() {
        return Ok(0);
    }
    let exact = caps.dialect == Dialect::Egcfg;
    let all = if exact { tokens.to_vec() } else { marked(tokens, &caps.mark) };
    let reply = transport
        .call("/detokenize", Some(&json!({ "model": caps.model, "tokens": all, "pieces": exact })))
        .await?;
    if let Some(list) = reply["pieces"].as_array().filter(|list| list.len() == tokens.len()) {
        for (token, piece) in tokens.iter().zip(list) {
            let bytes: Vec<u8> =
                piece.as_array().into_iter().flatten().filter_map(|b| b.as_u64().map(|b| b as u8)).collect();
            pieces.learn(*token, &bytes);
        }
        return Ok(1);
    }
    if let Some(texts) = text_of(&reply).and_then(|text| unmarked(text, tokens.len())) {
        for (token, text) in tokens.iter().zip(texts) {
            pieces.learn(*token, text.as_bytes());
        }
        return Ok(1);
    }
    for token in tokens {
        let reply =
            transport.call("/detokenize", Some(&json!({ "model": caps.model, "tokens": [token] }))).await?;
        pieces.learn(*token, text_of(&reply).unwrap_or_default().as_bytes());
    }
    Ok(1 + tokens.len())
}

/// The text in a reply of `/detokenize`, under the names it has.
pub(crate) fn text_of(reply: &serde_json::Value) -> Option<&str> {
    ["prompt", "text", "content"].iter().find_map(|name| reply[*name].as_str())
}

/// Where a server's tokenizer recognises special tokens in any text, a user's text that spells one is cut inside the
/// spelling, so that no part is one.
pub(crate) fn unspecial<'t>(text: &'t str, how: Encode, caps: &Capabilities) -> Vec<&'t str> {
    let recognised = how == Encode::Plain && matches!(caps.dialect, Dialect::Vllm | Dialect::Sglang);
    cut(text, if recognised { &caps.special } else { &[] })
}

/// Text in pieces of a token's usual length.
pub(crate) fn text_pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = TEXT_PIECE.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// The mark's tokens, for looking up many tokens at once.
pub(crate) async fn mark_tokens(
    transport: &Transport,
    caps: &Capabilities,
) -> Result<Vec<TokenId>, ModelError> {
    tokenize(transport, caps, mark(), Encode::Plain, false).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelled_special_token_is_cut_for_servers_that_would_recognise_it() {
        let mut caps = Capabilities { dialect: Dialect::Vllm, ..Capabilities::default() };
        caps.special = vec!["</s>".to_owned(), "<|im_end|>".to_owned()];
        assert_eq!(unspecial("a</s>b<|im_end|>", Encode::Plain, &caps), ["a<", "/s>b<", "|im_end|>"]);
        assert_eq!(unspecial("a</s>b", Encode::Template, &caps), ["a</s>b"]);
        caps.dialect = Dialect::LlamaCpp;
        assert_eq!(unspecial("a</s>b", Encode::Plain, &caps), ["a</s>b"]);
    }

    #[test]
    fn text_pieces_join_to_the_text() {
        let text = "def f(\u{e9}\u{4e16}\u{754c}):\n    return 1";
        let pieces: Vec<&str> = text_pieces(text).collect();
        assert_eq!(pieces.concat(), text);
        assert!(pieces.len() >= text.len() / 7);
    }
}
