//! Checks that bytes are a message of canonical values (the grammar at the top of `python/codec.py`) before they go on
//! to the judging process. A candidate's process is not trusted to write any; whatever fails here is a forgery. Nothing
//! is built from the bytes: the check only walks over them, with bounded depth and counts bounded by the length.

const MAX_DEPTH: u32 = 104;
const DICT_KINDS: &[u8] = b"dCOG";

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a value at byte {at}: {what}")]
pub(crate) struct Malformed {
    at: usize,
    what: &'static str,
}

/// Checks a message and returns the kinds of all containers in it, known ones first.
pub(crate) fn check(data: &[u8], known: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut walk = Walk { data, at: 0, containers: u32::MAX };
    let mut kinds = known.to_vec();
    for _ in 0..walk.count(9)? {
        let index = walk.u32()? as usize;
        let kind = walk.byte()?;
        if known.get(index) != Some(&kind) {
            return walk.fail("no such container");
        }
        walk.contents(kind)?;
    }
    let new = walk.count(1)?;
    for _ in 0..new {
        let kind = walk.byte()?;
        match kind {
            b'G' => walk.name()?,
            b'q' => _ = walk.u32()?,
            b'l' | b'd' | b's' | b'a' | b'C' | b'O' => {}
            _ => return walk.fail("unknown container"),
        }
        kinds.push(kind);
    }
    walk.containers = kinds.len() as u32;
    for &kind in &kinds[known.len()..] {
        walk.contents(kind)?;
    }
    walk.value(0)?;
    if walk.at != data.len() {
        return walk.fail("bytes after the message");
    }
    // The changed containers may name new ones, whose number stands behind them: walk them again, now that it is known.
    walk.at = 4;
    for _ in 0..u32::from_le_bytes([data[0], data[1], data[2], data[3]]) {
        walk.at += 4;
        let kind = walk.byte()?;
        walk.contents(kind)?;
    }
    Ok(kinds)
}

struct Walk<'a> {
    data: &'a [u8],
    at: usize,
    containers: u32,
}

impl<'a> Walk<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(size).filter(|&end| end <= self.data.len());
        let Some(end) = end else { return self.fail("cut short") };
        let bytes = &self.data[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A count of things that take at least `least` bytes each.
    fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let count = self.u32()? as usize;
        if count.saturating_mul(least) > self.data.len() - self.at {
            return self.fail("a count that cannot be");
        }
        Ok(count)
    }

    fn contents(&mut self, kind: u8) -> Result<(), Malformed> {
        let count = self.count(1)?;
        if kind == b'a' {
            return self.take(count).map(drop);
        }
        let values = if DICT_KINDS.contains(&kind) { 2 * count } else { count };
        (0..values).try_for_each(|_| self.value(1))
    }

    fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let size = self.u32()? as usize;
        self.take(size)
    }

    /// A type's name: short, and no control characters in it.
    fn name(&mut self) -> Result<(), Malformed> {
        let name = self.text()?;
        let plain = std::str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control));
        if name.len() > 4096 || !plain { self.fail("not a name") } else { Ok(()) }
    }

    fn integer_digits(&mut self) -> Result<(), Malformed> {
        let digits = self.text()?;
        let digits = digits.strip_prefix(b"-").unwrap_or(digits);
        let hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        if hex { Ok(()) } else { self.fail("not an integer") }
    }

    fn integers(&mut self, count: usize) -> Result<(), Malformed> {
        for _ in 0..count {
            if self.byte()? != b'i' {
                return self.fail("not an integer");
            }
            self.integer_digits()?;
        }
        Ok(())
    }

    fn zone(&mut self) -> Result<(), Malformed> {
        match self.byte()? {
            b'N' => Ok(()),
            b'e' => self.integers(3),
            b'n' => self.integers(3).and_then(|()| self.text().map(drop)),
            _ => self.fail("not a time zone"),
        }
    }

    fn items(&mut self, depth: u32) -> Result<(), Malformed> {
        let count = self.count(1)?;
        (0..count).try_for_each(|_| self.value(depth + 1))
    }

    fn value(&mut self, depth: u32) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return self.fail("too deep");
        }
        match self.byte()? {
            b'N' | b'T' | b'F' | b'E' | b'I' => Ok(()),
            b'i' => self.integer_digits(),
            b'f' => self.take(8).map(drop),
            b'c' => self.take(16).map(drop),
            b's' | b'b' => self.text().map(drop),
            b't' | b'z' => self.items(depth),
            b'@' => {
                let index = self.u32()?;
                if index < self.containers { Ok(()) } else { self.fail("no such container") }
            }
            b'S' => (0..3).try_for_each(|_| self.value(depth + 1)),
            b'k' => {
                if !b"kvi".contains(&self.byte()?) {
                    return self.fail("unknown view");
                }
                self.items(depth)
            }
            b'D' | b'y' => self.name(),
            b'Q' => self.integers(2),
            b'r' | b'm' | b'e' => self.integers(3),
            b'M' => self.integers(8).and_then(|()| self.zone()),
            b'h' => self.integers(5).and_then(|()| self.zone()),
            b'X' => {
                self.name()?;
                self.value(depth + 1)
            }
            b'o' => {
                if !b"01234".contains(&self.byte()?) {
                    return self.fail("unknown flag");
                }
                self.name()
            }
            b'p' => {
                if !b"ic".contains(&self.byte()?) {
                    return self.fail("unknown flag");
                }
                self.u32()?;
                self.name()
            }
            _ => self.fail("unknown tag"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `([1], -0xff, "a")`, with the list as container 0.
    fn sample() -> Vec<u8> {
        let mut data = Vec::new();
        data.extend([0, 0, 0, 0, 1, 0, 0, 0, b'l']);
        data.extend([1, 0, 0, 0, b'i', 1, 0, 0, 0, b'1']);
        data.extend([b't', 3, 0, 0, 0, b'@', 0, 0, 0, 0, b'i', 3, 0, 0, 0, b'-', b'f', b'f']);
        data.extend([b's', 1, 0, 0, 0, b'a']);
        data
    }

    #[test]
    fn a_message_passes_and_names_its_containers() {
        assert_eq!(check(&sample(), b""), Ok(b"l".to_vec()));
        assert_eq!(check(&sample(), b"d"), Ok(b"dl".to_vec()));
    }

    #[test]
    fn a_dangling_reference_does_not_pass() {
        let mut data = sample();
        data[25] = 1;
        assert!(check(&data, b"").is_err());
        assert!(check(&data, b"s").is_ok(), "with one known container there are two");
    }

    #[test]
    fn deep_nesting_is_refused_without_deep_recursion() {
        let mut data = vec![0; 8];
        for _ in 0..1_000_000 {
            data.extend([b't', 1, 0, 0, 0]);
        }
        assert_eq!(check(&data, b"").unwrap_err().what, "too deep");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(data: Vec<u8>, known in prop::collection::vec(prop::sample::select(b"ldsaCOGq".to_vec()), 0..3)) {
            let _ = check(&data, &known);
        }

        #[test]
        fn a_message_with_one_byte_changed_is_judged_without_panic(at in 0usize..34, byte: u8) {
            let mut data = sample();
            let at = at % data.len();
            data[at] = byte;
            let _ = check(&data, b"l");
        }

        #[test]
        fn a_message_cut_short_never_passes(cut in 1usize..34) {
            let data = sample();
            prop_assert!(check(&data[..data.len() - cut.min(data.len())], b"").is_err());
        }
    }
}
