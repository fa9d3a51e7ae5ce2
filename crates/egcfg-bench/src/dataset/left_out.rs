//! Records that are left out of a set: told one by one, never the end of the file.

use std::collections::HashMap;

use egcfg_files::Fault;

use super::item::Item;

/// The items without those whose id came before: results are kept by id, so there is one task of each.
pub(super) fn first_of_each(read: Vec<(String, Item)>, faults: &mut Vec<Fault>) -> Vec<Item> {
    let mut places: HashMap<String, String> = HashMap::new();
    let mut items = Vec::with_capacity(read.len());
    for (place, item) in read {
        if let Some(first) = places.get(&item.task.id) {
            let reason =
                format!("the task {} stands in the file twice; the one at {first} counts", item.task.id);
            faults.push(Fault::new(place, reason));
            continue;
        }
        places.insert(item.task.id.clone(), place);
        items.push(item);
    }
    // In the order of the file, whenever they were found.
    faults.sort_by_key(|fault| line(&fault.place));
    items
}

/// The line of a place, `file:line` or `file:line:column`.
fn line(place: &str) -> Option<usize> {
    place.rsplit(':').map_while(|part| part.parse().ok()).last()
}

/// The first few of the records that were left out, as warnings.
pub(super) fn told(faults: &[Fault]) -> Vec<String> {
    const TOLD: usize = 5;
    let mut told: Vec<String> = faults.iter().take(TOLD).map(|fault| format!("left out: {fault}")).collect();
    if faults.len() > TOLD {
        told.push(format!("and {} more records are left out", faults.len() - TOLD));
    }
    told
}
