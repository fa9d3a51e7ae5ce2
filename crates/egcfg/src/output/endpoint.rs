//! What `egcfg doctor` says about a server: what it can do, and what is made of it.

use std::fmt::Write as _;

use egcfg_model::Capabilities;
use serde_json::{Value, json};

/// Candidates of the default configuration, for the number of requests.
const CANDIDATES: usize = 3;

/// Lines for a person.
pub(crate) fn text(caps: &Capabilities) -> String {
    let mut text = String::from("\nserver\n");
    for (what, can, then) in table(caps) {
        let _ = writeln!(text, "  {what:18} {can:24} {then}");
    }
    for note in &caps.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

/// The same for a program.
pub(crate) fn object(caps: &Capabilities) -> Value {
    json!({
        "dialect": caps.dialect.name(),
        "server": caps.server,
        "model": caps.model,
        "token_ids": caps.token_ids(),
        "list_length": caps.top,
        "whole_vocabulary": caps.whole(),
        "prompt_logprobs": caps.prompt_logprobs,
        "prompt_lists": caps.lists,
        "n": caps.n,
        "chosen_tokens": caps.chosen_tokens,
        "tempered": caps.tempered,
        "reports_cache": caps.reports_cache,
        "requests_per_line": caps.requests_per_line(CANDIDATES),
        "notes": caps.notes,
    })
}

/// What, what the server can, what follows.
fn table(caps: &Capabilities) -> Vec<(&'static str, String, String)> {
    let yes = |can: bool| if can { "yes" } else { "no" }.to_owned();
    let say = |can: bool, then: &str, otherwise: &str| if can { then } else { otherwise }.to_owned();
    vec![
        ("dialect", caps.dialect.name().to_owned(), caps.server.trim().to_owned()),
        (
            "token ids",
            yes(caps.token_ids()),
            say(
                caps.token_ids(),
                "what was generated is never encoded again",
                "not exact: the server encodes prompts anew from text",
            ),
        ),
        (
            "log-probabilities",
            if caps.whole() { "whole vocabulary".to_owned() } else { format!("the {} best", caps.top) },
            say(
                caps.whole(),
                "the blend is exact",
                "the blend is over the union of both lists; doubtful choices are counted (support_truncated)",
            ),
        ),
        (
            "chosen tokens",
            yes(caps.chosen_tokens),
            say(
                caps.chosen_tokens,
                "tokens that one list lacks are asked for",
                "tokens that one list lacks are bounded",
            ),
        ),
        (
            "prompt scores",
            yes(caps.prompt_logprobs),
            say(
                caps.prompt_logprobs,
                "a draft is verified as one prompt",
                "a draft is verified as one prompt per token, each with one token to generate",
            ),
        ),
        (
            "lists of prompts",
            yes(caps.lists),
            say(caps.lists, "all drafts and both streams in one request", "one request per prompt"),
        ),
        (
            "several samples",
            yes(caps.n),
            if caps.n && caps.most_n < usize::MAX {
                format!("up to {} candidates in one request", caps.most_n)
            } else {
                say(caps.n, "all candidates in one request", "one request per candidate, side by side")
            },
        ),
        (
            "temperature",
            say(caps.tempered, "in the numbers", "not in the numbers"),
            say(caps.tempered, "samples are scored once more", "samples bring the plain distributions along"),
        ),
        ("cache hits", say(caps.reports_cache, "reported", "not reported"), String::new()),
        (
            "requests per line",
            format!("about {}", caps.requests_per_line(CANDIDATES)),
            format!("with {CANDIDATES} candidates, where a draft holds"),
        ),
    ]
}
