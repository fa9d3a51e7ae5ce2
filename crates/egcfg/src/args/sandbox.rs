//! The flags of the sandbox, shared by every command that runs programs. A line for each stands in a command's help; what
//! needs more words than that is told once, by `egcfg help sandbox`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use egcfg_sandbox::{LevelChoice, Profile};

use super::values::{count, duration, mebibytes, up_to};

/// The interpreter and its limits.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Sandbox (more: egcfg help sandbox)")]
pub(crate) struct SandboxArgs {
    /// The Python interpreter, CPython 3.9 or later [default: a virtual environment's, else python3]
    #[arg(long, env = "EGCFG_PYTHON", value_name = "FILE")]
    pub(crate) python: Option<PathBuf>,
    /// Layer of protection: auto, L0, L1, L2 or none
    ///
    /// auto takes the strongest layer up to L1 that this machine allows; L0, L1 and L2 are errors where they cannot be had; none
    /// runs programs unprotected. `egcfg doctor` lists what is in force.
    #[arg(long, env = "EGCFG_SANDBOX", default_value = "auto", value_name = "LEVEL")]
    pub(crate) sandbox: LevelChoice,
    /// Kind of programs: plain, data or stdio [default: by the tasks]
    ///
    /// plain: functions, with the standard library. data: with numpy, pandas and friends of the interpreter's environment,
    /// loaded ahead. stdio: programs that read standard input. The default is what the tasks are: stdio where they read standard
    /// input, data for DS-1000, else plain.
    #[arg(long, value_name = "KIND")]
    pub(crate) profile: Option<Profile>,
    /// Processor time, and time of doing nothing, of one test [default: plain 5, stdio 10, data 30 s]
    ///
    /// Seconds, or a time such as 500ms or 2m. Real time may be twice that. On a slower machine than the one the limits were
    /// chosen on they grow (see --calibrate).
    #[arg(long, value_name = "SECONDS", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Real time of one test [default: twice --timeout]
    #[arg(long, value_name = "SECONDS", value_parser = duration, hide_short_help = true)]
    pub(crate) wall_limit: Option<Duration>,
    /// Time for which one test may do nothing [default: --timeout]
    #[arg(long, value_name = "SECONDS", value_parser = duration, hide_short_help = true)]
    pub(crate) idle_limit: Option<Duration>,
    /// Memory of one program, in MiB or as 2G [default: plain and stdio 1024, data 4096]
    #[arg(long, value_name = "SIZE", value_parser = mebibytes::<64>, hide_short_help = true)]
    pub(crate) memory_limit: Option<u64>,
    /// Threads that one program may have [default: by the kind of programs]
    #[arg(long, value_name = "N", value_parser = up_to::<4096>, hide_short_help = true)]
    pub(crate) thread_limit: Option<u64>,
    /// Output that one program may write, in KiB [default: by the kind of programs]
    #[arg(long, value_name = "KIB", value_parser = up_to::<16_777_216>, hide_short_help = true)]
    pub(crate) output_limit: Option<u64>,
    /// Size of all files that one program may leave, in MiB or as 2G [default: by the kind of programs]
    #[arg(long, value_name = "SIZE", value_parser = mebibytes::<1>, hide_short_help = true)]
    pub(crate) disk_limit: Option<u64>,
    /// Files and directories that one program may leave [default: by the kind of programs]
    #[arg(long, value_name = "N", value_parser = up_to::<16_777_216>, hide_short_help = true)]
    pub(crate) file_limit: Option<u64>,
    /// Give more time on a machine that is slower than the one the limits were chosen on
    ///
    /// How slow this machine is gets measured when the sandbox starts; every limit of time is multiplied by it, and results
    /// name the factor.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
        default_missing_value = "true", action = clap::ArgAction::Set, hide_short_help = true)]
    pub(crate) calibrate: bool,
    /// Take tests that no wrong program can fail, such as one that asserts nothing
    ///
    /// Tests of one's own are looked at before anything runs; those of public data sets are taken as they are.
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_doubtful_tests: bool,
    /// Programs that run at the same time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = count::<usize>, hide_short_help = true)]
    pub(crate) workers: Option<usize>,
}
