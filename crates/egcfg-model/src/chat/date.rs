//! Today's date, for the templates that cannot do without.

use std::fmt::Write as _;

/// Today's date (UTC) in a form of `strftime`.
pub(super) fn today(format: &str) -> Result<String, String> {
    if format.len() > 100 {
        return Err("the form of the date is too long".to_owned());
    }
    let mut text = String::new();
    write!(text, "{}", chrono::Utc::now().format(format))
        .map_err(|_| format!("{format:?} is no form of a date"))?;
    Ok(text)
}
