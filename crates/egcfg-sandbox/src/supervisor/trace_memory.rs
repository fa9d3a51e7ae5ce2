//! The memory that a child shares with its supervisor to write a trace to, step by step: what a program left that never ended
//! or died is there all the same.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct TraceMemory(OwnedFd);

impl TraceMemory {
    /// An empty one, and the descriptor that the child gets.
    pub(crate) fn new() -> std::io::Result<(Self, OwnedFd)> {
        let ours = memfd_create("egcfg-trace", MemfdFlags::CLOEXEC)?;
        let theirs = ours.try_clone()?;
        Ok((Self(ours), theirs))
    }

    /// Makes room for a trace of this many bytes, empty.
    pub(crate) fn open(&self, size: u64) -> std::io::Result<()> {
        ftruncate(&self.0, 0)?;
        ftruncate(&self.0, size)?;
        Ok(())
    }

    /// The bytes of the trace written last, and forgets them.
    pub(crate) fn take(&self, limit: usize) -> Vec<u8> {
        let mut head = [0; 8];
        if rustix::io::pread(&self.0, &mut head, 0) != Ok(8) {
            return Vec::new();
        }
        let size = usize::try_from(u64::from_le_bytes(head)).unwrap_or(usize::MAX).min(limit);
        let mut data = vec![0; size];
        let mut filled = 0;
        while filled < size {
            match rustix::io::pread(&self.0, &mut data[filled..], 8 + filled as u64) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        data.truncate(filled);
        let _ = rustix::io::pwrite(&self.0, &[0; 8], 0);
        data
    }
}
