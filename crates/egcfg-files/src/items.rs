//! A file as its lines or entries: JSON Lines, one JSON array, or one JSON object, told apart by the content. Each comes by
//! itself with its place in the file; what is wrong with one is its own fault, and the others follow.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use crate::bounds::{Bounds, amount};
use crate::encoding::utf16;
use crate::error::{Fault, FileError};
use crate::json::split;
use crate::open::Origin;
use crate::packed::Stream;

/// One line or entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// File and line where it begins.
    pub place: String,
    /// Its place among all, from 0; blank lines do not count.
    pub index: usize,
    /// Its text.
    pub raw: String,
}

/// What the file as a whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line each.
    Lines,
    /// One JSON array.
    Array,
    /// One JSON object over several lines.
    Object,
}

/// What is known after reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it is.
    pub shape: Shape,
    /// sha256 of the content (unpacked), in hexadecimal.
    pub sha256: String,
}

/// Reads a file's lines or entries one after the other. The error is the whole file's: it cannot be opened, its content is
/// beyond the bounds, its packed data is broken, it is in another encoding.
pub fn items(
    path: &Path,
    origin: Origin,
    bounds: Bounds,
    mut take: impl FnMut(Result<Item, Fault>),
) -> Result<Read, FileError> {
    let mut lines = Lines::open(path, origin, bounds)?;
    let name = path.display().to_string();
    let mut index = 0;
    let mut first = true;
    while let Some(line) = lines.next()? {
        let place = format!("{name}:{}", line.number);
        let raw = match line.text {
            Ok(raw) if raw.trim().is_empty() => continue,
            Ok(raw) => raw,
            Err(reason) => {
                take(Err(Fault::new(place, reason)));
                (first, index) = (false, index + 1);
                continue;
            }
        };
        if std::mem::take(&mut first)
            && let Some(shape) = whole(&raw)
        {
            // An array or an object over many lines has to be read whole.
            let before = "\n".repeat(line.number - 1);
            let (rest, sha256) = lines.rest()?;
            let rest = String::from_utf8(rest).map_err(|error| FileError::Content {
                path: path.to_owned(),
                reason: format!(
                    "not UTF-8 {} bytes behind line {}",
                    error.utf8_error().valid_up_to(),
                    line.number
                ),
            })?;
            let text = format!("{before}{raw}\n{rest}");
            let shape = match shape {
                Shape::Object if is_broken_lines(&text) => Shape::Lines,
                Shape::Array if closed(&raw) && !rest.trim().is_empty() => Shape::Lines,
                shape => shape,
            };
            of_text(&name, &text, shape, &mut take);
            return Ok(Read { shape, sha256 });
        }
        for part in entries(&raw) {
            take(Ok(Item { place: place.clone(), index, raw: part.to_owned() }));
            index += 1;
        }
    }
    Ok(Read { shape: Shape::Lines, sha256: lines.sha256() })
}

/// The items of a text that is in memory already; `name` stands in messages.
pub fn from_text(name: &str, text: &str, mut take: impl FnMut(Result<Item, Fault>)) -> Shape {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.split('\n').find(|line| !line.trim().is_empty()).unwrap_or_default();
    let shape = match whole(first) {
        None => Shape::Lines,
        Some(Shape::Object) if is_broken_lines(text) => Shape::Lines,
        Some(Shape::Array) if closed(first) && text.trim() != first.trim() => Shape::Lines,
        Some(shape) => shape,
    };
    of_text(name, text, shape, &mut take);
    shape
}

/// What a first line begins, if that is more than one line.
fn whole(first: &str) -> Option<Shape> {
    let first = first.trim();
    if first.starts_with('[') {
        return Some(Shape::Array);
    }
    // An object that its line does not end.
    let open = first.starts_with('{') && split(first, b'{', b'}').1 == Some(first.len());
    open.then_some(Shape::Object)
}

/// Whether a text that begins as an object over several lines is lines of which the first is cut: no object as a whole, and
/// another one begins at a later line's start.
fn is_broken_lines(text: &str) -> bool {
    split(text.trim(), b'{', b'}').1.is_some()
        && text.trim().lines().skip(1).any(|line| line.starts_with('{'))
}

/// Whether an array ends on its line.
fn closed(line: &str) -> bool {
    split(line.trim(), b'[', b']').1.is_none()
}

/// The entries of a line: itself, or those of the array that it is; nothing where it is blank. Files that were put behind one another
/// have byte order marks inside.
fn entries(line: &str) -> Vec<&str> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let parts =
        if line.trim().starts_with('[') { split(line.trim(), b'[', b']') } else { (vec![line], None) };
    let (parts, fault) = parts;
    let parts = if fault.is_none() { parts } else { vec![line] };
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn of_text(name: &str, text: &str, shape: Shape, take: &mut impl FnMut(Result<Item, Fault>)) {
    let place = |offset: usize| {
        let line =
            text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{name}:{line}")
    };
    match shape {
        Shape::Lines => {
            let mut index = 0;
            for (number, line) in text.split('\n').enumerate() {
                for part in entries(line) {
                    take(Ok(Item { place: format!("{name}:{}", number + 1), index, raw: part.to_owned() }));
                    index += 1;
                }
            }
        }
        Shape::Object => {
            let start = text.len() - text.trim_start().len();
            take(Ok(Item { place: place(start), index: 0, raw: text.trim().to_owned() }));
        }
        Shape::Array => {
            let start = text.len() - text.trim_start().len();
            let (parts, fault) = split(text.trim(), b'[', b']');
            let count = parts.len();
            // Lines are counted on, not anew for each entry.
            let (mut line, mut counted) = (1, 0);
            for (index, part) in parts.into_iter().enumerate() {
                let offset = part.as_ptr() as usize - text.as_ptr() as usize;
                line += text.as_bytes()[counted..offset].iter().filter(|byte| **byte == b'\n').count();
                counted = offset;
                take(Ok(Item { place: format!("{name}:{line}"), index, raw: part.to_owned() }));
            }
            if let Some(offset) = fault {
                let reason = if start + offset >= text.trim_end().len() {
                    format!("the JSON array ends within entry {}", count + 1)
                } else {
                    format!("the JSON array is broken at entry {}; nothing behind it is read", count + 1)
                };
                take(Err(Fault::new(place(start + offset), reason)));
            }
        }
    }
}

/// The most that a settings file, a template, a key or a tokenizer may hold: 256 MiB.
const SMALL: u64 = 256 << 20;

/// The text of a small file that a user named, such as an experiment file, without a byte order mark.
pub fn read_small(path: &Path) -> Result<String, FileError> {
    read_text(path, Origin::Named, Bounds::of_total(SMALL)).map(|(text, _)| text)
}

/// The bytes of a small file that a user named, such as a tokenizer.
pub fn read_small_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    read_bytes(path, Origin::Named, Bounds::of_total(SMALL))
}

/// A file's whole content, unpacked.
pub fn read_bytes(path: &Path, origin: Origin, bounds: Bounds) -> Result<Vec<u8>, FileError> {
    let mut stream = Stream::open(path, origin, bounds)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(|error| stream.failed(error))?;
    Ok(bytes)
}

/// A file's whole text, unpacked, without a byte order mark, and the sha256 of its content.
pub fn read_text(path: &Path, origin: Origin, bounds: Bounds) -> Result<(String, String), FileError> {
    let mut stream = Stream::open(path, origin, bounds)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(|error| stream.failed(error))?;
    let content = |reason: String| FileError::Content { path: path.to_owned(), reason };
    if let Some(name) = utf16(&bytes) {
        return Err(content(format!("it is {name}, not UTF-8 (save it as UTF-8)")));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| content(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))?;
    Ok((text, stream.sha256()))
}

struct Line {
    number: usize,
    text: Result<String, String>,
}

struct Lines {
    reader: BufReader<Stream>,
    bounds: Bounds,
    number: usize,
}

impl Lines {
    fn open(path: &Path, origin: Origin, bounds: Bounds) -> Result<Self, FileError> {
        let mut reader = BufReader::with_capacity(1 << 16, Stream::open(path, origin, bounds)?);
        let start = match reader.fill_buf() {
            Ok(start) => start,
            Err(error) => return Err(reader.get_ref().failed(error)),
        };
        if let Some(name) = utf16(start) {
            let reason = format!("it is {name}, not UTF-8 (save it as UTF-8)");
            return Err(FileError::Content { path: path.to_owned(), reason });
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Self { reader, bounds, number: 0 })
    }

    /// The next line. A bare carriage return is none of JSON's line ends, and neither are Unicode's.
    fn next(&mut self) -> Result<Option<Line>, FileError> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut any = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.reader.get_ref().failed(error)),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            if bytes.len() + part.len() > self.bounds.line {
                too_long = true;
                bytes = Vec::new();
            }
            if !too_long {
                bytes.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        let text = if too_long {
            Err(format!("the line is longer than {}", amount(self.bounds.line as u64)))
        } else {
            String::from_utf8(bytes).map_err(|error| {
                format!("not UTF-8 at byte {} of the line", error.utf8_error().valid_up_to())
            })
        };
        Ok(Some(Line { number: self.number, text }))
    }

    /// Everything that is left, and the sha256 of all.
    fn rest(mut self) -> Result<(Vec<u8>, String), FileError> {
        let mut bytes = Vec::new();
        if let Err(error) = self.reader.read_to_end(&mut bytes) {
            return Err(self.reader.get_ref().failed(error));
        }
        Ok((bytes, self.sha256()))
    }

    fn sha256(self) -> String {
        self.reader.into_inner().sha256()
    }
}
