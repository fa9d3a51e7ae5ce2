//! The event log: JSON Lines, one event a line with its task's id, appended a whole line at a time, so that a log survives a
//! kill and can be read while it grows. One form for `run`, `solve` and every reader.

use std::io::Read as _;
use std::path::Path;

use egcfg_files::Origin;
use egcfg_guidance::Event;
use flate2::read::GzDecoder;
use serde::Serialize;

/// Bytes of a log that are read at most, packed or not; what comes behind is as if a kill had cut the log there.
const ROOM: u64 = 256 << 20;

#[derive(Serialize)]
struct Line<'a> {
    task: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

/// One event of a task as a line, with its newline; `None` for an event that has no JSON.
pub fn line(task: &str, event: &Event) -> Option<String> {
    let mut line = serde_json::to_string(&Line { task, event }).ok()?;
    line.push('\n');
    Some(line)
}

/// Reads a line back. Events of every version of the log are read.
pub fn parse(line: &str) -> Option<Event> {
    // By way of a value: a start names its task twice, once as an event's and once as the line's.
    serde_json::from_str(line).and_then(serde_json::from_value::<Event>).ok()
}

/// The text of a log, gzip or not; what stands before the damage of a cut archive is still good. `None` where there is no
/// such file.
pub fn read(path: &Path) -> Option<String> {
    let (file, _) = egcfg_files::open(path, Origin::Found).ok()?;
    let mut bytes = Vec::new();
    file.take(ROOM).read_to_end(&mut bytes).ok()?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let _ = GzDecoder::new(bytes.as_slice()).take(ROOM).read_to_end(&mut text);
        bytes = text;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
