//! What a model behind a server was asked: one line for the end of a command.

use egcfg_guidance::Stats;

/// Requests in all and under guidance; nothing for a local model.
pub(crate) fn requests(cost: &Stats) -> Option<String> {
    if cost.requests == 0 {
        return None;
    }
    let per_line =
        cost.requests_per_line().map(|per| format!(", {per:.2} per guided line")).unwrap_or_default();
    let lookups = if cost.lookups > 0 {
        format!(", {} lookups of text or tokens beside them", cost.lookups)
    } else {
        String::new()
    };
    Some(format!("{} requests to the server{per_line}{lookups}", cost.requests))
}
