//! A Python file as the text that Python would read: the byte order mark and the `coding` comment (PEP 263) tell how.

use std::path::Path;

use crate::bounds::Bounds;
use crate::encoding::utf16;
use crate::error::FileError;
use crate::items::read_bytes;
use crate::open::Origin;

/// Reads a Python file.
pub fn read_python(path: &Path, origin: Origin, bounds: Bounds) -> Result<String, FileError> {
    let bytes = read_bytes(path, origin, bounds)?;
    python_source(&bytes).map_err(|reason| FileError::Content { path: path.to_owned(), reason })
}

/// The text of a Python file, without a byte order mark.
pub fn python_source(bytes: &[u8]) -> Result<String, String> {
    let (bytes, has_mark) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    if let Some(name) = utf16(bytes) {
        return Err(format!("it is {name}, which Python does not read (save it as UTF-8)"));
    }
    let declared = declared(bytes);
    let name = declared.as_deref().unwrap_or("utf-8");
    let normal = normal(name);
    if is_utf8(&normal) {
        return match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(format!(
                "not UTF-8 at byte {}, and no coding comment says what else it is",
                error.valid_up_to()
            )),
        };
    }
    if has_mark {
        return Err(format!("a byte order mark says UTF-8, the coding comment {name}"));
    }
    if matches!(normal.as_str(), "latin-1" | "iso-8859-1" | "iso-latin-1" | "latin1" | "l1" | "8859") {
        return Ok(bytes.iter().map(|byte| char::from(*byte)).collect());
    }
    if matches!(normal.as_str(), "ascii" | "us-ascii") {
        return match bytes.iter().position(|byte| !byte.is_ascii()) {
            None => Ok(String::from_utf8_lossy(bytes).into_owned()),
            Some(at) => Err(format!("not ASCII at byte {at}, as its coding comment says")),
        };
    }
    let label =
        normal.strip_prefix("cp").filter(|rest| rest.len() == 4).map(|rest| format!("windows-{rest}"));
    let found =
        encoding_rs::Encoding::for_label_no_replacement(label.as_deref().unwrap_or(&normal).as_bytes());
    let Some(encoding) = found else {
        return Err(format!("its coding comment names '{name}', which is not read here (save it as UTF-8)"));
    };
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| format!("not {name}, as its coding comment says"))
}

/// The encoding that one of the first two lines names.
fn declared(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next()?;
    if let Some(name) = cookie(first) {
        return Some(name);
    }
    // A second line counts only behind a first one without code.
    let first = String::from_utf8_lossy(first);
    let blank = first.trim_start_matches([' ', '\t', '\u{c}']);
    if blank.is_empty() || blank.starts_with('#') { cookie(lines.next()?) } else { None }
}

/// What stands behind `coding:` or `coding=` in a line that is a comment.
fn cookie(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let comment = line.trim_start_matches([' ', '\t', '\u{c}']).strip_prefix('#')?;
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment[at + word.len()..].strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_owned())
    })
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn is_utf8(normal: &str) -> bool {
    matches!(normal, "utf-8" | "utf8" | "utf-8-sig" | "u8" | "utf") || normal.starts_with("utf-8-")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::python_source;

    /// CPython decides: a program that prints a text literal of itself, under each heading.
    #[test]
    fn a_file_is_read_as_python_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.py");
        let e_acute = |bytes: &[u8]| [b"print(ascii('".as_slice(), bytes, b"'))\n"].concat();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("plain", e_acute("é".as_bytes())),
            ("mark", [b"\xef\xbb\xbf".as_slice(), &e_acute("é".as_bytes())].concat()),
            (
                "mark and cookie",
                [b"\xef\xbb\xbf# coding: utf-8\n".as_slice(), &e_acute("é".as_bytes())].concat(),
            ),
            ("latin-1", [b"# -*- coding: latin-1 -*-\n".as_slice(), &e_acute(b"\xe9\x85")].concat()),
            (
                "second line",
                [b"#!/usr/bin/python\n# vim: set fileencoding=iso-8859-1 :\n".as_slice(), &e_acute(b"\xe9")]
                    .concat(),
            ),
            ("crlf", [b"# coding=latin1\r\n".as_slice(), &e_acute(b"\xe9")].concat()),
            ("cp1252", [b"# coding: cp1252\n".as_slice(), &e_acute(b"\x80")].concat()),
            ("windows-1251", [b"# coding: windows-1251\n".as_slice(), &e_acute(b"\xe9")].concat()),
            ("shift_jis", [b"# coding: shift_jis\n".as_slice(), &e_acute(b"\x82\xa0")].concat()),
            ("euc-jp", [b"# coding: euc-jp\n".as_slice(), &e_acute(b"\xa4\xa2")].concat()),
            ("after code", [b"x = 1\n# coding: latin-1\n".as_slice(), &e_acute("é".as_bytes())].concat()),
            ("no cookie", e_acute(b"\xe9")),
            (
                "mark against cookie",
                [b"\xef\xbb\xbf# coding: latin-1\n".as_slice(), &e_acute("é".as_bytes())].concat(),
            ),
            ("unknown", [b"# coding: klingon\n".as_slice(), &e_acute(b"e")].concat()),
            ("ascii", [b"# coding: ascii\n".as_slice(), &e_acute("é".as_bytes())].concat()),
            ("utf-16", b"\xff\xfep\0\n\0".to_vec()),
        ];
        for (name, bytes) in cases {
            std::fs::write(&path, &bytes).unwrap();
            let output = Command::new("python3").arg("-I").arg(&path).output().unwrap();
            match python_source(&bytes) {
                Ok(text) => {
                    assert!(output.status.success(), "{name}: Python refuses it");
                    let printed = String::from_utf8(output.stdout).unwrap();
                    let literal = text.split("ascii('").nth(1).unwrap().split('\'').next().unwrap();
                    let expected: String = literal
                        .chars()
                        .map(|c| match u32::from(c) {
                            0x20..0x7f => c.to_string(),
                            code if code < 0x100 => format!("\\x{code:02x}"),
                            code => format!("\\u{code:04x}"),
                        })
                        .collect();
                    assert_eq!(printed.trim(), format!("'{expected}'"), "{name}");
                }
                Err(reason) => assert!(!output.status.success(), "{name}: Python reads it, we say {reason}"),
            }
        }
    }
}
