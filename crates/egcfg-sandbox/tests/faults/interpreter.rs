//! An interpreter that is broken on purpose: the real one behind a script, which changes modules of the driver on their way
//! in. What was added asks `fault()` what to do wrong now, if anything; the test arms it, and sees whether it happened.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

/// A change of the driver: the module, a text in it, what stands there instead. An empty text is its end.
pub(crate) type Edit = (&'static str, &'static str, &'static str);

/// See the module's paragraph.
pub(crate) struct Broken {
    folder: TempDir,
}

/// How often a fault happens once it is armed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Often {
    Once,
    Always,
}

/// Belongs to the warm interpreter, which may have a root of its own: the folder is reached by a descriptor from before. A
/// child has neither that nor a right to look at files, and inherits the answer.
const FAULT: &str = r#"
def fault():
    for name in ("once", "always"):
        try:
            fd = os.open(name, os.O_RDONLY, dir_fd=FOLDER)
        except FileNotFoundError:
            continue
        text = os.read(fd, 4096).decode()
        os.close(fd)
        if name == "once":
            os.unlink(name, dir_fd=FOLDER)
        os.close(os.open("seen", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=FOLDER))
        return text
    return ""
"#;

/// Stands before the sandbox's own first line, whose reading of the driver it changes.
const START: &str = r"
import fcntl, json, os, sys
folder = fcntl.fcntl(os.open(PLACE, os.O_PATH | os.O_DIRECTORY), fcntl.F_DUPFD_CLOEXEC, 300)
real = json.loads
def loads(data):
    json.loads, config = real, real(data)
    modules = {module[0]: module for module in config['modules']}
    modules['_egcfg_zygote'][1] += FAULT.replace('FOLDER', str(folder))
    for name, old, new in real(EDITS):
        module = modules[name]
        assert not old or module[1].count(old) == 1, (name, old, module[1].count(old))
        module[1] = module[1].replace(old, new) if old else module[1] + new
    return config
json.loads = loads
exec(compile(sys.argv[1], '<boot>', 'exec'), {'__name__': '__main__'})
";

impl Broken {
    pub(crate) fn new(edits: &[Edit]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = egcfg_sandbox::Interpreter::find(None).unwrap().path;
        let (path, real) = (folder.path().display(), real.display());
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let boot = START
            .replace("PLACE", &quoted(&path.to_string()))
            .replace("EDITS", &quoted(&serde_json::to_string(edits).unwrap()))
            .replace("FAULT", &quoted(FAULT));
        std::fs::write(folder.path().join("boot.py"), boot).unwrap();
        let script = format!(
            "#!/bin/sh\nif [ \"$4\" = -X ]; then\n  for last; do :; done\n  \
             exec env -u PWD {real} -s -S -B -X utf8 {path}/boot.py \"$last\"\nfi\n\
             {real} \"$@\" | sed 's#\"executable\": \"[^\"]*\"#\"executable\": \"{path}/python\"#'\n"
        );
        let broken = Self { folder };
        std::fs::write(broken.path(), script).unwrap();
        std::fs::set_permissions(broken.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        broken
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("python")
    }

    /// From now on `fault()` gives this text, once or always.
    pub(crate) fn arm(&self, fault: &str, often: Often) {
        let name = match often {
            Often::Once => "once",
            Often::Always => "always",
        };
        // At once or not at all: it is read while this writes.
        let (new, place) = (self.folder.path().join("new"), self.folder.path().join(name));
        std::fs::write(&new, fault).unwrap();
        std::fs::rename(new, place).unwrap();
    }

    pub(crate) fn disarm(&self) {
        for name in ["once", "always", "seen"] {
            let _ = std::fs::remove_file(self.folder.path().join(name));
        }
    }

    /// Whether it has misbehaved since it was last disarmed.
    pub(crate) fn seen(&self) -> bool {
        self.folder.path().join("seen").exists()
    }
}
