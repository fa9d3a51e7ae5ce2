//! An interpreter that is broken on purpose: the real one behind a script, which changes lines of the driver on its way
//! in. A change asks `fault()` whether to misbehave now; the test arms it, and sees whether it happened.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

/// A change of the driver: the module, a text in it, what stands there instead.
pub(crate) type Edit = (&'static str, &'static str, &'static str);

/// See the module's paragraph.
pub(crate) struct Broken {
    folder: TempDir,
}

/// How often a fault happens once it is armed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Often {
    Once,
    Always,
}

impl Broken {
    pub(crate) fn new(edits: &[Edit]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = egcfg_sandbox::Interpreter::find(None).unwrap().path;
        let (path, real) = (folder.path().display(), real.display());
        // `fault` belongs to the warm interpreter: a child has no right to look at files, and inherits the answer.
        let fault = format!(
            "\ndef fault(place='{path}'):\n    import os\n    if os.path.exists(place + '/once'):\n        \
             os.rename(place + '/once', place + '/seen')\n        return True\n    \
             if os.path.exists(place + '/always'):\n        open(place + '/seen', 'w').close()\n        \
             return True\n    return False\n"
        );
        let edits = serde_json::to_string(edits).unwrap();
        let boot = format!(
            "import json, sys\nreal = json.loads\nedits = real({})\nfault = {}\n\
             def loads(data):\n    json.loads, config = real, real(data)\n    \
             for name, old, new in edits:\n        \
             [module] = [module for module in config['modules'] if module[0] == name]\n        \
             assert module[1].count(old) == 1, (name, old, module[1].count(old))\n        \
             module[1] = module[1].replace(old, new)\n    \
             for module in config['modules']:\n        \
             module[1] += fault if module[0] == '_egcfg_zygote' else ''\n    return config\n\
             json.loads = loads\nexec(compile(sys.argv[1], '<boot>', 'exec'), {{'__name__': '__main__'}})\n",
            serde_json::to_string(&edits).unwrap(),
            serde_json::to_string(&fault).unwrap(),
        );
        std::fs::write(folder.path().join("boot.py"), boot).unwrap();
        let script = format!(
            "#!/bin/sh\nif [ \"$4\" = -X ]; then\n  for last; do :; done\n  \
             exec {real} -s -S -B -X utf8 {path}/boot.py \"$last\"\nfi\n\
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

    pub(crate) fn arm(&self, often: Often) {
        let name = match often {
            Often::Once => "once",
            Often::Always => "always",
        };
        std::fs::write(self.folder.path().join(name), "").unwrap();
    }

    pub(crate) fn disarm(&self) {
        for name in ["once", "always"] {
            let _ = std::fs::remove_file(self.folder.path().join(name));
        }
    }

    /// Whether it has misbehaved.
    pub(crate) fn seen(&self) -> bool {
        self.folder.path().join("seen").exists()
    }
}
