//! Files as others leave them: every kind that is no regular file, bombs, encodings, and lines of which some are broken.
#![allow(clippy::unwrap_used, reason = "what a helper cannot have fails the test")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use egcfg_files::{Bounds, Origin, Record, Shape, from_text, items, open, read_bytes, read_text};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Each item's text or fault, with its line.
fn all(path: &Path, bounds: Bounds) -> Result<(Vec<String>, Shape), String> {
    let mut found = Vec::new();
    let read = items(path, Origin::Named, bounds, |item| {
        let text = match item {
            Ok(item) => format!("{} {}", item.place, item.raw.trim()),
            Err(fault) => format!("! {fault}"),
        };
        found.push(text.replace(&format!("{}:", path.display()), ""));
    });
    let read = read.map_err(|error| error.to_string().replace(&format!("{}", path.display()), "F"))?;
    Ok((found, read.shape))
}

#[test]
fn what_is_no_regular_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for (path, kind) in [
        (fifo.as_path(), "FIFO"),
        (socket.as_path(), "socket"),
        (link.as_path(), "device"),
        (Path::new("/dev/null"), "device"),
        (folder.path(), "directory"),
    ] {
        let error = open(path, Origin::Named).unwrap_err().to_string();
        assert!(error.ends_with(&format!("it is a {kind}, not a regular file")), "{error}");
    }
    // A link to a file is followed where a user named it, and nowhere else.
    let file = write(folder.path(), "file", b"x");
    let good = folder.path().join("good");
    std::os::unix::fs::symlink(&file, &good).unwrap();
    assert!(open(&good, Origin::Named).is_ok());
    let error = open(&good, Origin::Found).unwrap_err().to_string();
    assert!(error.ends_with("it is a link, not a regular file"), "{error}");
    assert!(open(&folder.path().join("none"), Origin::Found).unwrap_err().is_absent());
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn a_bomb_is_stopped_at_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![b'0'; 4 << 20];
    let bounds = Bounds { floor: 1 << 20, ..Bounds::default() };
    for (name, bytes) in [("a.gz", gzip(&zeros)), ("a.zst", zstd(&zeros))] {
        let path = write(folder.path(), name, &bytes);
        // Good within the default floor.
        assert_eq!(read_bytes(&path, Origin::Named, Bounds::default()).unwrap().len(), zeros.len());
        let error = read_bytes(&path, Origin::Named, bounds).unwrap_err();
        assert!(error.to_string().contains("more than 1 MiB, which is more than 100 times"), "{error}");
        assert!(error.hint().unwrap().contains("EGCFG_UNPACK_LIMIT"), "{error}");
        assert!(all(&path, bounds).unwrap_err().contains("more than 100 times"));
        assert!(read_text(&path, Origin::Named, bounds).is_err());
        let error = read_bytes(&path, Origin::Named, Bounds::of_total(2 << 20)).unwrap_err().to_string();
        assert!(error.contains("more than the 2 MiB that are allowed"), "{error}");
    }
    // A sparse file takes no room on disk and all memory when it is read.
    let path = folder.path().join("sparse");
    std::fs::File::create(&path).unwrap().set_len(3 << 30).unwrap();
    let error = read_bytes(&path, Origin::Named, Bounds::default()).unwrap_err().to_string();
    assert!(error.contains("it holds 3 GiB, more than the 2 GiB that are allowed"), "{error}");
}

#[test]
fn all_members_and_frames_are_read_and_broken_ones_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut frames = zstd(b"{\"a\": 1}\n");
    frames.extend([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    frames.extend(zstd(b"{\"a\": 2}\n"));
    let members = [gzip(b"{\"a\": 1}\n"), gzip(b"{\"a\": 2}\n")].concat();
    for (name, bytes) in [("f.zst", frames), ("m.gz", members)] {
        let path = write(folder.path(), name, &bytes);
        assert_eq!(all(&path, Bounds::default()).unwrap().0, ["1 {\"a\": 1}", "2 {\"a\": 2}"], "{name}");
        let cut = write(folder.path(), "cut", &bytes[..bytes.len() - 3]);
        let error = all(&cut, Bounds::default()).unwrap_err();
        assert!(error.contains("the packed data "), "{name}: {error}");
    }
    let path = write(folder.path(), "x", b"BZh91AY");
    assert_eq!(
        all(&path, Bounds::default()).unwrap_err(),
        "failed to read F: it is packed by bzip2; plain text, gzip and zstd are read"
    );
}

#[test]
fn one_odd_line_costs_itself_only() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(5000));
    let text = [
        b"\xef\xbb\xbf{\"a\": 1}\r\n".as_slice(),
        b"\n  \n",
        b"{\"a\": \"\xff\"}\n",
        long.as_bytes(),
        b"\n{\"a\": NaN}\n{\"a\": 1",
    ]
    .concat();
    let path = write(folder.path(), "a.jsonl", &text);
    let bounds = Bounds { line: 4096, ..Bounds::default() };
    let (found, shape) = all(&path, bounds).unwrap();
    assert_eq!(shape, Shape::Lines);
    assert_eq!(
        found,
        [
            "1 {\"a\": 1}",
            "! 4: not UTF-8 at byte 7 of the line",
            "! 5: the line is longer than 4 KiB",
            "6 {\"a\": NaN}",
            "7 {\"a\": 1"
        ]
    );
    for bom in [b"\xff\xfe{\0".as_slice(), b"\xfe\xff\0{"] {
        let path = write(folder.path(), "utf16", bom);
        assert_eq!(
            all(&path, Bounds::default()).unwrap_err(),
            "failed to read F: it is UTF-16 text, not UTF-8 (save it as UTF-8)"
        );
        assert!(read_text(&path, Origin::Named, Bounds::default()).is_err());
    }
}

#[test]
fn arrays_and_objects_over_lines_are_told_from_lines() {
    let folder = tempfile::tempdir().unwrap();
    for (text, shape, expected) in [
        ("[\n{\"a\": 1},\n\n{\"a\": 2}]\n", Shape::Array, vec!["2 {\"a\": 1}", "4 {\"a\": 2}"]),
        (
            "[{\"a\": 1}, {\"a\": ",
            Shape::Array,
            vec!["1 {\"a\": 1}", "! 1: the JSON array ends within entry 2"],
        ),
        (
            "[1,\n2,,\n3]",
            Shape::Array,
            vec!["1 1", "2 2", "! 2: the JSON array is broken at entry 3; nothing behind it is read"],
        ),
        ("\n{\n\"a\": 1\n}\n", Shape::Object, vec!["2 {\n\"a\": 1\n}"]),
        ("{\"a\": 1,\n \"b\": [}\n", Shape::Object, vec!["1 {\"a\": 1,\n \"b\": [}"]),
        ("{\"a\": 1\n{\"a\": 2}\n", Shape::Lines, vec!["1 {\"a\": 1", "2 {\"a\": 2}"]),
        ("", Shape::Lines, vec![]),
    ] {
        let path = write(folder.path(), "a.json", text.as_bytes());
        assert_eq!(
            all(&path, Bounds::default()).unwrap(),
            (expected.iter().map(ToString::to_string).collect(), shape),
            "{text}"
        );
        let mut found = 0;
        assert_eq!(from_text("x", text, |_| found += 1), shape);
        assert_eq!(found, expected.len());
    }
}

/// Files that were put behind one another: an array on its line, and a byte order mark, do not hide what follows.
#[test]
fn what_stands_behind_an_array_or_a_mark_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[]\n{\"a\": 1}\n\u{feff}{\"a\": 2}\n[{\"a\": 3}, {\"a\": 4}]\n";
    let expected = ["2 {\"a\": 1}", "3 {\"a\": 2}", "4 {\"a\": 3}", "4 {\"a\": 4}"];
    let (found, shape) = all(&write(folder.path(), "f", text.as_bytes()), Bounds::default()).unwrap();
    assert_eq!((found, shape), (expected.map(str::to_owned).to_vec(), Shape::Lines));
    let mut found = Vec::new();
    from_text("F", text, |item| found.push(item.unwrap().raw.trim().to_owned()));
    assert_eq!(found, expected.map(|line| line[2..].to_owned()));
    let (found, _) =
        all(&write(folder.path(), "g", "{}\n\u{feff}{}\n[1, 2]\n".as_bytes()), Bounds::default()).unwrap();
    assert_eq!(found, ["1 {}", "2 {}", "3 1", "3 2"]);
}

#[test]
fn records_are_read_as_python_reads_them() {
    let line = r#"{"task_id": 7, "big": 1e999, "deep": DEEP, "text": "x\ud83d", "a": 1, "a": 2}"#;
    let line = line.replace("DEEP", &format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    let record = Record::parse("f:1".into(), &line).unwrap();
    assert_eq!(record.id("task_id").unwrap(), "7");
    assert_eq!(record.required::<String>("text").unwrap(), "x\u{fffd}");
    assert_eq!(record.required::<u8>("a").unwrap(), 2);
    assert!(record.required::<serde_json::Value>("deep").unwrap_err().to_string().contains("field `deep`"));
}
