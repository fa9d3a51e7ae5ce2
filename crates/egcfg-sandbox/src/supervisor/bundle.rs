//! What a warm interpreter is started with: the driver's Python sources, carried in this binary, and the plan of its
//! confinement. They go to the interpreter over its socket and never lie in a file that a program could edit.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::SandboxError;
use crate::limits::Limits;
use crate::options::{Patience, SandboxOptions};
use crate::profile::Profile;
use crate::supervisor::calibrate::known;
use crate::supervisor::filters::{PID_MAGIC, programs};
use crate::supervisor::interpreter::Interpreter;

/// Reads the bundle from its standard input, which is the control socket, and starts the driver. Each module of the driver gets
/// a copy of the built-in names of its own: a program that edits `builtins` edits its own only.
///
/// What is loaded last is what the children use most, compiled before and without the compiler's leftovers in between: it
/// then lies close together in memory. A child that writes to an object, if only to count a reference, has the kernel copy the
/// whole page that it lies on; this order saves about seventy of four hundred such copies per child.
pub(crate) const BOOT: &str = "\
import sys
sys.path[:] = [p for p in sys.path if p]
import builtins, json, marshal, os, types
size = int.from_bytes(os.read(0, 4), 'little')
data = b''
while len(data) < size:
    part = os.read(0, 65536)
    if not part:
        os._exit(70)
    data += part
config = json.loads(data)
modules = [(name, marshal.dumps(compile(source, '<%s>' % name, 'exec'))) for name, source in config.pop('modules')]
for name in config['first'].split():
    __import__(name)
config['names'] = [name for name, _ in modules]
for name, code in modules:
    module = types.ModuleType(name)
    module.__dict__['__builtins__'] = dict(vars(builtins))
    sys.modules[name] = module
    exec(marshal.loads(code), module.__dict__)
sys.modules['_egcfg_zygote'].main(config)
";

/// What programs commonly need of the standard library. None of it starts a thread. What is needed now and then only is not
/// here: each shared library is five mappings that every fork copies, 3 µs each.
const FIRST: &str = "abc array ast bisect calendar collections collections.abc contextlib copy datetime decimal enum fractions \
functools heapq io itertools json math numbers operator random re string struct textwrap threading time types typing";

/// In the order in which they import each other.
const MODULES: &[(&str, &str)] = &[
    ("trace_values", include_str!("../python/trace_values.py")),
    ("trace_objects", include_str!("../python/trace_objects.py")),
    ("trace_source", include_str!("../python/trace_source.py")),
    ("trace_sinks", include_str!("../python/trace_sinks.py")),
    ("trace_steps", include_str!("../python/trace_steps.py")),
    ("trace_events", include_str!("../python/trace_events.py")),
    ("trace_backends", include_str!("../python/trace_backends.py")),
    ("tracer", include_str!("../python/tracer.py")),
    ("_egcfg_comparing", include_str!("../python/comparing.py")),
    ("_egcfg_opaque", include_str!("../python/opaque.py")),
    ("_egcfg_codec", include_str!("../python/codec.py")),
    ("_egcfg_codec_data", include_str!("../python/codec_data.py")),
    ("_egcfg_confine", include_str!("../python/confine.py")),
    ("_egcfg_namespaces", include_str!("../python/namespaces.py")),
    ("_egcfg_recursion", include_str!("../python/recursion.py")),
    ("_egcfg_script", include_str!("../python/script.py")),
    ("_egcfg_beside", include_str!("../python/beside.py")),
    ("_egcfg_candidate", include_str!("../python/candidate.py")),
    ("_egcfg_shown", include_str!("../python/shown.py")),
    ("_egcfg_statements", include_str!("../python/statements.py")),
    ("_egcfg_standins", include_str!("../python/standins.py")),
    ("_egcfg_comparer", include_str!("../python/comparer.py")),
    ("_egcfg_probe", include_str!("../python/probe.py")),
    ("_egcfg_warm", include_str!("../python/warm.py")),
    ("_egcfg_zygote", include_str!("../python/zygote.py")),
];

/// Uids from here on are given to children, by process id. Below are people and services.
const UID_BASE: u32 = 0x4000_0000;

/// See the module's paragraph.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    /// The interpreter's executable.
    pub(crate) python: PathBuf,
    /// The whole environment that it gets.
    pub(crate) environment: Vec<(String, String)>,
    /// How long to wait for it and its children.
    pub(crate) patience: Patience,
    config: Value,
}

impl Bundle {
    pub(crate) fn new(
        interpreter: &Interpreter,
        options: &SandboxOptions,
        run: &Path,
    ) -> Result<Self, SandboxError> {
        let filters = programs(&options.without)
            .map_err(|error| SandboxError::Zygote(format!("seccomp filter: {error}")))?;
        let all =
            |programs: &[Vec<u8>]| -> Vec<String> { programs.iter().map(|program| hex(program)).collect() };
        let mut read: Vec<&Path> = interpreter.library.iter().map(PathBuf::as_path).collect();
        let extra: Vec<&PathBuf> = options.import_paths.iter().chain(&interpreter.packages).collect();
        read.extend(extra.iter().map(|path| path.as_path()));
        let preload: Vec<&str> = options
            .profile
            .preload()
            .iter()
            .copied()
            .chain(options.preload.iter().map(String::as_str))
            .collect();
        read.extend(SYSTEM_LIBRARIES.iter().map(Path::new));
        let config = json!({
            "first": FIRST,
            "modules": MODULES,
            "supervisor": std::process::id(),
            "extra_paths": extra,
            "preload": preload,
            "data": options.profile == Profile::DataScience,
            "plan": {
                "filters": all(&filters.own),
                "inherited": all(&filters.inherited),
                "pid_magic": PID_MAGIC,
                "uid_base": UID_BASE,
                "read": read,
                "calibrate": options.calibrate && known(&interpreter.path).is_none(),
                "level": options.level.ceiling() as i32 - 1,
                "run": run,
                "host": own_namespaces(),
                "expected": [],
                "without": options.without,
                "limits": limits(&options.limits),
                "syscalls": {
                    "getpid": libc::SYS_getpid,
                    "setsid": libc::SYS_setsid,
                    "mkdirat": libc::SYS_mkdirat,
                    "chdir": libc::SYS_chdir,
                    "fchownat": libc::SYS_fchownat,
                    "openat": libc::SYS_openat,
                    "prlimit64": libc::SYS_prlimit64,
                    "prctl": libc::SYS_prctl,
                    "setresgid": libc::SYS_setresgid,
                    "setresuid": libc::SYS_setresuid,
                    "landlock_create_ruleset": libc::SYS_landlock_create_ruleset,
                    "landlock_add_rule": libc::SYS_landlock_add_rule,
                    "landlock_restrict_self": libc::SYS_landlock_restrict_self,
                    "seccomp": libc::SYS_seccomp,
                    "close_range": libc::SYS_close_range,
                    "capset": libc::SYS_capset,
                    "pivot_root": libc::SYS_pivot_root,
                    "mount_setattr": libc::SYS_mount_setattr,
                },
            },
        });
        // Hash order comes from the warm parent, so it is fixed here; numeric libraries must not start threads, which
        // do not survive a fork.
        let environment = [
            ("PYTHONHASHSEED", "0"),
            ("PATH", "/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("OMP_NUM_THREADS", "1"),
            ("OPENBLAS_NUM_THREADS", "1"),
            ("MKL_NUM_THREADS", "1"),
            // The dynamic linker resolves all names at once, instead of in each child, which would copy the tables for it.
            ("LD_BIND_NOW", "1"),
        ];
        let mut environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        if options.without.iter().any(|name| name == "environment") {
            environment.extend(std::env::vars());
        }
        Ok(Self { python: interpreter.path.clone(), environment, patience: options.patience.clone(), config })
    }

    /// Children refuse to run unless these steps of their confinement succeed; the kernel ends them after `cpu` seconds.
    pub(crate) fn expect(&mut self, steps: &[String], cpu: u64) {
        self.config["plan"]["limits"]["cpu"] = json!(cpu);
        self.config["plan"]["expected"] = json!(steps);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.config.to_string().into_bytes()
    }
}

/// The inode numbers that name the namespaces of this process: whoever is in these is not isolated from it.
fn own_namespaces() -> Value {
    let kinds = ["user", "mnt", "pid", "net", "ipc", "uts"];
    let number = |kind: &str| {
        std::fs::metadata(format!("/proc/self/ns/{kind}"))
            .map(|data| std::os::unix::fs::MetadataExt::ino(&data))
    };
    kinds.iter().filter_map(|&kind| Some((kind.to_owned(), json!(number(kind).ok()?)))).collect()
}

/// Where extension modules find shared libraries, and the time zones.
const SYSTEM_LIBRARIES: &[&str] = &[
    "/usr/lib",
    "/lib",
    "/lib64",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/usr/share/zoneinfo",
    "/etc/localtime",
];

fn limits(limits: &Limits) -> Value {
    // A backstop far away, where resident memory is what counts.
    let address_space = if limits.resident { limits.memory.saturating_add(RESERVED) } else { limits.memory };
    json!({
        "cpu": backstop(limits), "memory": address_space, "file_size": limits.file_size, "files": limits.files,
        "threads": limits.threads, "stack": limits.stack,
    })
}

/// Address space that numeric libraries may reserve beyond the memory that they use.
const RESERVED: u64 = 32 << 30;

/// The kernel's own limit of a child's processor time, in seconds; the supervisor's clock measures each test.
pub(crate) fn backstop(limits: &Limits) -> u64 {
    limits.cpu.as_secs().max(1) * CPU_BACKSTOP + 1
}

/// A child may use this many tests' processor time before the kernel ends it; the supervisor replaces it before.
pub(crate) const CPU_BACKSTOP: u64 = 3;

fn hex(data: &[u8]) -> String {
    data.iter().fold(String::with_capacity(2 * data.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
