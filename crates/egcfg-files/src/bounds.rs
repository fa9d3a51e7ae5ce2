//! How much one file may hold. A packed file of a few megabytes can unpack to more than there is memory; honest data packs ten
//! to one, repeated samples perhaps fifty to one.

use crate::error::FileError;
pub use crate::error::VARIABLE;

/// Bounds of one file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of content at most, packed or not. Default 2 GiB.
    pub total: u64,
    /// Content at most this many times the packed file. Default 100.
    pub ratio: u64,
    /// The ratio does not matter below this many bytes of content. Default 64 MiB.
    pub floor: u64,
    /// Bytes of one line at most. Default 256 MiB.
    pub line: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { total: 2 << 30, ratio: 100, floor: 64 << 20, line: 256 << 20 }
    }
}

impl Bounds {
    /// The default ones, or what the environment sets.
    pub fn from_environment() -> Result<Self, FileError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::default()),
            Some(value) if value.is_empty() => Ok(Self::default()),
            Some(value) => {
                let text = value.to_string_lossy();
                match text.trim().parse::<u64>() {
                    Ok(mib) if mib > 0 => Ok(Self::of_total(mib.saturating_mul(1 << 20))),
                    _ => Err(FileError::Setting(text.into_owned())),
                }
            }
        }
    }

    /// A bound of the content alone.
    pub fn of_total(total: u64) -> Self {
        let line = usize::try_from(total).unwrap_or(usize::MAX).min(1 << 31);
        Self { total, ratio: u64::MAX, floor: total, line }
    }

    /// The largest content of a file with `size` bytes on disk.
    pub(crate) fn largest(&self, size: u64, is_packed: bool) -> u64 {
        if is_packed { self.total.min(self.floor.max(self.ratio.saturating_mul(size))) } else { self.total }
    }

    /// Why content beyond `largest` is refused.
    pub(crate) fn exceeded(&self, size: u64, is_packed: bool) -> String {
        let largest = self.largest(size, is_packed);
        if !is_packed {
            return format!("it holds {}, more than the {} that are allowed", amount(size), amount(largest));
        }
        if largest < self.total {
            format!(
                "{} unpack to more than {}, which is more than {} times as much (and at most {} are allowed)",
                amount(size),
                amount(largest),
                self.ratio,
                amount(self.total)
            )
        } else {
            format!(
                "{} unpack to more than the {} that are allowed (packed data may hold {} times its size)",
                amount(size),
                amount(largest),
                if self.ratio == u64::MAX { "any number of".to_owned() } else { self.ratio.to_string() }
            )
        }
    }
}

/// Bytes in words.
pub(crate) fn amount(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} bytes"),
        1024..0x10_0000 => (1_u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let tenths = bytes.saturating_mul(10) / unit;
    if tenths.is_multiple_of(10) {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}
