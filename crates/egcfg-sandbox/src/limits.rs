//! The limits of one test of one program.

use std::time::Duration;

/// Limits of one test of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Real time. Default 10 s.
    pub wall: Duration,
    /// Processor time of all threads together. Default 5 s.
    pub cpu: Duration,
    /// Real time in which the program sleeps or is blocked. Default 5 s.
    pub idle: Duration,
    /// Address space in bytes, the interpreter's own 30 MB included; with `resident`, memory in use. Default 1 GiB.
    pub memory: u64,
    /// Whether `memory` counts what is resident instead of address space: by the control group where there is one, else looked
    /// at every few milliseconds.
    pub resident: bool,
    /// Bytes written to standard output and error together. Default 1 MiB.
    pub output: u64,
    /// Size of one file in bytes. Default 16 MiB.
    pub file_size: u64,
    /// All files in the work directory together, in bytes. Default 64 MiB.
    pub disk: u64,
    /// Files and directories in the work directory. Default 2000.
    pub entries: u64,
    /// Open descriptors. Default 64.
    pub files: u64,
    /// Threads (in force where the sandbox runs as root or has control groups; elsewhere the address space bounds them).
    /// Default 32.
    pub threads: u64,
    /// Stack of the main thread in bytes. Default 64 MiB.
    pub stack: u64,
    /// Size in bytes of one value that passes between the program and its test. Default 16 MiB.
    pub message: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(10),
            cpu: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            memory: 1 << 30,
            resident: false,
            output: 1 << 20,
            file_size: 16 << 20,
            disk: 64 << 20,
            entries: 2000,
            files: 64,
            threads: 32,
            stack: 64 << 20,
            message: 16 << 20,
        }
    }
}
