//! In which order the methods are tried on a guided request's task: as `egcfg solve` has it, unless the request says
//! otherwise. Who names a strength or a configuration wants guided decoding.

use egcfg_guidance::{Limits as Spent, Order, Policy, Search};

use crate::error::ApiError;
use crate::fields::Fields;
use crate::guided::config::gammas;
use crate::limits::Limits;

/// Reads `method`, `budget`, `gamma` and `retries`; to be called before the configuration is read. Also the method's name.
pub(crate) fn order(
    limits: &Limits,
    fields: &mut Fields,
    default: &Order,
) -> Result<(Order, &'static str), ApiError> {
    let named = fields.has("gamma") || fields.has("config");
    let usual = match &default.search {
        None => "eg_cfg",
        Some(_) if default.gammas.is_empty() => "search",
        Some(_) => "auto",
    };
    let method = match fields.text("method")?.as_deref() {
        None if named => "eg_cfg",
        None => usual,
        Some("auto") => "auto",
        Some("search") => "search",
        Some("eg_cfg") => "eg_cfg",
        Some("best_of") => "best_of",
        Some(other) => {
            let message = format!("'{other}' is none of auto, search, eg_cfg and best_of");
            return Err(fields.error("method", message));
        }
    };
    let gammas = gammas(limits.gammas, fields)?;
    if gammas.is_some() && matches!(method, "search" | "best_of") {
        return Err(fields.error("gamma", format!("means nothing to the method {method}")));
    }
    let gammas = gammas.unwrap_or_else(|| default.gammas.clone());
    let retries = fields.count("retries", limits.retries)?.map_or(default.retries, |retries| retries as u32);
    let mut tree = default.search.unwrap_or_default();
    match fields.count("budget", limits.budget)? {
        Some(0) => return Err(fields.error("budget", "must be above 0")),
        Some(_) if method == "eg_cfg" => {
            return Err(fields.error("budget", "bounds the search: eg_cfg has none"));
        }
        Some(tokens) => tree.limits = Spent { tokens: Some(tokens), ..tree.limits },
        None => {}
    }
    let independent = Search { policy: Policy::Independent, greedy_first: false, ..tree };
    let (search, gammas) = match method {
        "auto" => (Some(tree), gammas),
        "search" => (Some(tree), Vec::new()),
        "best_of" => (Some(independent), Vec::new()),
        _ => (None, gammas),
    };
    Ok((Order { search, gammas, retries, open: default.open }, method))
}
