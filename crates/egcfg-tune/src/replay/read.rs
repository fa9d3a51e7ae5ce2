//! Experiences out of files: JSON Lines, one JSON array, or the sampling cache of the published fork, which is one object
//! whose `experiences` are a list. What is wrong with one entry is its own fault, and the others are read.

use std::collections::HashMap;
use std::path::Path;

use egcfg_files::{Bounds, Fault, Item, Origin, items, repaired};
use egcfg_task::Task;
use serde_json::Value;

use super::buffer::Buffer;
use super::experience::Experience;
use crate::error::TuneError;
use crate::files::unread;

/// Reads a file into a buffer of at most `capacity` entries, and tells what could not be read, by place and field.
///
/// # Errors
/// When the file as a whole cannot be read.
pub fn read_experiences(path: &Path, capacity: usize) -> Result<(Buffer, Vec<Fault>), TuneError> {
    let bounds = Bounds::from_environment().map_err(|error| unread(path, &error))?;
    let mut read = Reading { buffer: Buffer::new(capacity), faults: Vec::new() };
    let whole = items(path, Origin::Named, bounds, |item| match item {
        Ok(item) => read.item(&item),
        Err(fault) => read.faults.push(fault),
    });
    whole.map_err(|error| unread(path, &error))?;
    Ok((read.buffer, read.faults))
}

struct Reading {
    buffer: Buffer,
    faults: Vec<Fault>,
}

impl Reading {
    fn item(&mut self, item: &Item) {
        let value = match serde_json::from_str::<Value>(&repaired(&item.raw)) {
            Ok(value) => value,
            Err(error) => return self.faults.push(Fault::new(&*item.place, format!("not JSON: {error}"))),
        };
        // A cache is known by its list; an experience has a program.
        let Some(list) = value.get("experiences").and_then(Value::as_array) else {
            return self.entry(item.place.clone(), value, "");
        };
        let model = value.get("model_name").and_then(Value::as_str).unwrap_or_default();
        for (number, entry) in list.iter().enumerate() {
            self.entry(format!("{}, experiences[{number}]", item.place), entry.clone(), model);
        }
    }

    /// Takes one entry; one without a name of its model gets the cache's.
    fn entry(&mut self, place: String, value: Value, model: &str) {
        let mut entry: Experience = match serde_path_to_error::deserialize(value) {
            Ok(entry) => entry,
            Err(error) => {
                let (field, reason) = (error.path().to_string(), error.into_inner().to_string());
                let whole = field == ".";
                let fault =
                    if whole { Fault::new(place, reason) } else { Fault::field(place, field, reason) };
                return self.faults.push(fault);
            }
        };
        if let Some(fault) = entry.fault() {
            return self.faults.push(Fault::new(place, fault));
        }
        if entry.model.is_empty() {
            model.clone_into(&mut entry.model);
        }
        self.buffer.add(entry);
    }
}

/// The buffer with each experience under its task's id. Files of others say `11` or `Mbpp/11` for one and the same task, or
/// count tasks by themselves; what the id does not tell, the task's text does.
pub fn under_task_ids(buffer: &Buffer, tasks: &[Task], capacity: usize) -> Buffer {
    let by = |key: fn(&Task) -> &str| {
        let mut found: HashMap<&str, Option<&Task>> = HashMap::new();
        for task in tasks {
            // What two tasks share names neither.
            found.entry(key(task)).and_modify(|known| *known = None).or_insert(Some(task));
        }
        found
    };
    let ids = by(|task| &task.id);
    let (numbers, texts) = (by(|task| bare(&task.id)), by(|task| task.prompt.trim()));
    let mut renamed = Buffer::new(capacity);
    for entry in buffer.entries() {
        let id = entry.problem_id.as_str();
        let text = Some(entry.problem_text.trim()).filter(|text| !text.is_empty());
        // A text that names another task than the number does was counted by itself.
        let of_text = text.and_then(|text| texts.get(text).copied().flatten());
        let of_number = || numbers.get(bare(id)).copied().flatten().filter(|_| of_text.is_none());
        let task = match ids.get(id) {
            Some(_) if of_text.is_none_or(|task| task.id == id) => None,
            _ => of_number().or(of_text),
        };
        let problem_id = task.map_or_else(|| entry.problem_id.clone(), |task| task.id.clone());
        renamed.add(Experience { problem_id, ..entry.clone() });
    }
    renamed
}

/// An id without the name of its data set.
fn bare(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Experience>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        std::fs::write(&path, text).unwrap();
        let (buffer, faults) = read_experiences(&path, 100).unwrap();
        let place = format!("{}/", folder.path().display());
        let faults = faults.iter().map(|fault| fault.to_string().replace(&place, "")).collect();
        (buffer.entries().cloned().collect(), faults)
    }

    #[test]
    fn an_odd_entry_loses_itself_alone_and_is_told_by_its_field() {
        let good = |id: &str| {
            format!(
                r#"{{"problem_id":"{id}","code":"x","possibility":0.5,"pass_rate":1.0,"total_tests":3.0}}"#
            )
        };
        let odd = [
            r#"{"problem_id":"b","code":"x","possibility":"high","pass_rate":1.0}"#,
            r#"{"problem_id":"c","possibility":0.5,"pass_rate":1.0}"#,
            r#"{"problem_id":"d","code":"x","possibility":NaN,"pass_rate":1.0}"#,
            r#"{"problem_id":"e","code":"x","possibility":0.5,"pass_rate":2}"#,
        ];
        let lines =
            format!("\u{feff}{}\n{}\n{}\n{}", good("a"), odd.join("\n"), good("z"), r#"{"problem_id":"#);
        let (entries, faults) = read(&lines);
        let ids: Vec<&str> = entries.iter().map(|entry| entry.problem_id.as_str()).collect();
        assert_eq!((ids, entries[0].total_tests), (vec!["a", "z"], 3));
        assert_eq!(
            faults[..4],
            [
                "x.jsonl:2: field `possibility`: invalid type: string \"high\", expected f64",
                "x.jsonl:3: missing field `code`",
                "x.jsonl:4: field `possibility`: invalid type: null, expected f64",
                "x.jsonl:5: pass_rate 2 is not between 0 and 1",
            ]
        );
        assert!(faults[4].starts_with("x.jsonl:7: not JSON: "), "{faults:?}");
        // The same as one array, and as a cache over several lines.
        let all = [&good("a"), odd[0], &good("z")].map(str::to_owned).join(",\n ");
        let (entries, faults) = read(&format!("[{all}]"));
        assert_eq!((entries.len(), faults.len()), (2, 1));
        let (entries, faults) = read(&format!("{{\n\"model_name\": null,\n\"experiences\": [{all}]\n}}"));
        assert_eq!((entries.len(), faults.len()), (2, 1));
        assert!(faults[0].starts_with("x.jsonl:1, experiences[1]: field `possibility`: "), "{faults:?}");
    }

    #[test]
    fn a_probability_that_underflowed_is_the_smallest_there_is() {
        let (entries, faults) = read(
            r#"{"problem_id":1,"code":"x","possibility":0.0,"pass_rate":0,"passed_tests":null,"p2value":null}"#,
        );
        assert_eq!(faults, Vec::<String>::new());
        assert!(entries[0].possibility > 0.0, "{entries:?}");
    }

    #[test]
    fn experiences_meet_their_tasks_by_number_or_by_text() {
        let task =
            |id: &str, prompt: &str| Task { id: id.to_owned(), prompt: prompt.to_owned(), ..Task::default() };
        let tasks = [task("Mbpp/11", "Remove."), task("Mbpp/12", "Sort."), task("own", "Sort.")];
        let line = |id: &str, text: &str| {
            format!(
                r#"{{"problem_id":{id},"problem_text":"{text}","code":"{id}{text}","possibility":0.5,"pass_rate":1}}"#
            )
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let lines = [
            line("11", ""),
            line("12", "Sort."),
            line("0", "Remove. "),
            line("7", "Sort."),
            line("12", "Remove."),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let (buffer, faults) = read_experiences(&path, 100).unwrap();
        assert_eq!(faults, []);
        let met = under_task_ids(&buffer, &tasks, 100);
        let ids: Vec<&str> = met.entries().map(|entry| entry.problem_id.as_str()).collect();
        assert_eq!(ids, ["Mbpp/11", "Mbpp/12", "Mbpp/11", "7", "Mbpp/11"]);
    }
}
