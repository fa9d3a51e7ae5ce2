//! Which of a set's tasks are taken: by split, by id, by number.

use std::path::Path;

use super::error::DatasetError;
use super::item::{Item, LoadOptions, id_key};

/// Keeps what the options ask for; `path` stands in messages.
pub(super) fn select(items: &mut Vec<Item>, options: &LoadOptions, path: &Path) -> Result<(), DatasetError> {
    by_split(items, options.split.as_deref(), path)?;
    if !options.ids.is_empty() {
        let mut wanted: Vec<(&String, bool)> = options.ids.iter().map(|id| (id, false)).collect();
        items.retain(|item| {
            let mut keep = false;
            for (id, used) in &mut wanted {
                if names(id, &item.task.id) {
                    (*used, keep) = (true, true);
                }
            }
            keep
        });
        if let Some((id, _)) = wanted.iter().find(|(_, used)| !used) {
            return Err(DatasetError::Selection(format!("no task of {} has the id {id}", path.display())));
        }
    }
    items.truncate(options.limit.unwrap_or(usize::MAX));
    if items.is_empty() {
        return Err(DatasetError::Selection(format!("no task of {} is selected", path.display())));
    }
    Ok(())
}

fn by_split(items: &mut Vec<Item>, split: Option<&str>, path: &Path) -> Result<(), DatasetError> {
    let has = |name: &str| items.iter().any(|item| item.split == Some(name));
    let split = match split {
        Some("all") => return Ok(()),
        Some(name) if has(name) => name.to_owned(),
        Some(name) => {
            let mut names: Vec<&str> = items.iter().filter_map(|item| item.split).collect();
            names.sort_unstable();
            names.dedup();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(DatasetError::Selection(format!(
                "{} has no task of the split {name}; its splits: {known}",
                path.display()
            )));
        }
        // A file that holds another split only is taken as it is.
        None if has("test") => "test".to_owned(),
        None => return Ok(()),
    };
    items.retain(|item| item.split == Some(split.as_str()));
    Ok(())
}

/// Whether a selection (`11`, `Mbpp/11`, `11..20`) names a task.
fn names(selection: &str, id: &str) -> bool {
    if selection == id || id_key(selection) == id_key(id) {
        return true;
    }
    let range = selection.split_once("..").and_then(|(from, to)| {
        let to = to.strip_prefix('=').unwrap_or(to);
        Some((from.trim().parse::<u64>().ok()?, to.trim().parse::<u64>().ok()?))
    });
    match (range, id_key(id).parse::<u64>()) {
        (Some((from, to)), Ok(number)) => (from..=to).contains(&number),
        _ => false,
    }
}
