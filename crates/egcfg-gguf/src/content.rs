//! A file's name by what it holds: the SHA-256 of its bytes. Hashing gigabytes at every start would take longer than
//! loading them, so a hash is remembered in a folder of the user's, with the file's length, time of change and number on
//! its disk, and is taken anew when one of these differs. A memory that is broken or cannot be written is only slower.

use std::fs::File;
use std::io::{Error, Read as _, Result};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use egcfg_files::Origin;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A file that changed this recently may change again within the clock's resolution: its hash is not remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// Told the bytes hashed so far, of all; `false` ends the work.
pub type Watch<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// What a file had when its hash was taken.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Remembered {
    length: u64,
    /// Time of the last change, in nanoseconds since 1970.
    changed: u64,
    /// The file's number on its disk; 0 where there is none.
    inode: u64,
    sha256: String,
}

/// The hash of bytes in memory.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash over the hashes of several parts that belong together, in their order; of a single part, its own.
pub fn of_parts(parts: &[String]) -> String {
    match parts {
        [one] => one.clone(),
        parts => of_bytes(parts.join("\n").as_bytes()),
    }
}

/// The folder in which hashes are remembered: `hashes` in `EGCFG_CACHE`, else `egcfg/hashes` in `XDG_CACHE_HOME`, else in
/// `~/.cache`. `variable` gives an
/// environment variable's value.
pub fn memory_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(own) = set("EGCFG_CACHE") {
        return Some(own.join("hashes"));
    }
    let cache = set("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("egcfg").join("hashes"))
}

/// The hash of a file, from memory where the file is the one that was hashed. An interruption by `watch` is an error of
/// kind [`std::io::ErrorKind::Interrupted`].
pub fn of_file(path: &Path, memory: Option<&Path>, watch: Watch<'_>) -> Result<String> {
    let whole = path.canonicalize()?;
    let (mut file, meta) =
        egcfg_files::open(&whole, Origin::Named).map_err(|error| Error::other(error.reason()))?;
    let modified = meta.modified().ok();
    let mut now = Remembered {
        length: meta.len(),
        changed: modified
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |time| time.as_nanos() as u64),
        inode: inode(&meta),
        sha256: String::new(),
    };
    let place = memory.map(|folder| folder.join(of_bytes(whole.as_os_str().as_encoded_bytes())));
    let before: Option<Remembered> = place
        .as_deref()
        .and_then(|place| std::fs::read(place).ok())
        .and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(before) = before.filter(|before| {
        let plausible = before.sha256.len() == 64 && before.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        plausible && (before.length, before.changed, before.inode) == (now.length, now.changed, now.inode)
    }) {
        return Ok(before.sha256);
    }
    now.sha256 = hash(&mut file, now.length, watch)?;
    let settled = modified
        .and_then(|time| SystemTime::now().duration_since(time).ok())
        .is_some_and(|age| age >= SETTLED);
    if let Some(place) = place.filter(|_| settled) {
        // What cannot be remembered is hashed again the next time.
        let _ = remember(&place, &now);
    }
    Ok(now.sha256)
}

fn remember(path: &Path, what: &Remembered) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&file, what)?;
    file.persist(path)?;
    Ok(())
}

fn hash(file: &mut File, total: u64, watch: Watch<'_>) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        match read {
            0 => return Ok(hex(&hash.finalize())),
            read => {
                hash.update(&buffer[..read]);
                done += read as u64;
                if !watch(done, total) {
                    return Err(std::io::ErrorKind::Interrupted.into());
                }
            }
        }
    }
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_meta: &std::fs::Metadata) -> u64 {
    0
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc", from FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn settle(path: &Path, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn a_hash_is_taken_once_and_anew_when_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, memory) = (folder.path().join("m.gguf"), folder.path().join("memory"));
        std::fs::write(&path, "abc").unwrap();
        settle(&path, 60);
        let mut reads = 0;
        let mut get = || {
            let mut watch = |_, _| {
                reads += 1;
                true
            };
            let hash = of_file(&path, Some(&memory), &mut watch).unwrap();
            (hash, std::mem::take(&mut reads))
        };
        assert_eq!(get(), (ABC.to_owned(), 1));
        assert_eq!(get(), (ABC.to_owned(), 0), "remembered");
        settle(&path, 30);
        assert_eq!(get().1, 1, "another time of change");
        for entry in std::fs::read_dir(&memory).unwrap() {
            std::fs::write(entry.unwrap().path(), "{\"length\":3").unwrap();
        }
        assert_eq!(get(), (ABC.to_owned(), 1), "a broken memory is ignored");
        std::fs::write(&path, "abd").unwrap();
        assert_ne!(get().0, ABC);
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (path, memory) = (folder.path().join("m.gguf"), folder.path().join("memory"));
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path, Some(&memory), &mut |_, _| true).unwrap(), ABC);
        assert!(!memory.exists());
    }

    #[test]
    fn parts_are_hashed_in_their_order() {
        let parts = [of_bytes(b"a"), of_bytes(b"b")];
        assert_eq!(of_parts(&parts[..1]), parts[0]);
        assert_ne!(of_parts(&parts), of_parts(&[parts[1].clone(), parts[0].clone()]));
    }

    #[test]
    fn the_memory_lies_in_the_user_s_cache_folder() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            memory_folder(|name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.into()))
        };
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.cache/egcfg/hashes".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), Some("/c/egcfg/hashes".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "")]), Some("/h/.cache/egcfg/hashes".into()));
        assert_eq!(of(&[("HOME", "/h"), ("EGCFG_CACHE", "/e")]), Some("/e/hashes".into()));
        assert_eq!(of(&[]), None);
    }
}
