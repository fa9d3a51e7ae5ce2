//! What an interpreter has installed: where its packages lie, and which of the data-science libraries can be imported.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The packages of an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Environment {
    /// Directories that packages are imported from.
    pub paths: Vec<PathBuf>,
    /// Modules of `LIBRARIES` that can be found there.
    pub modules: Vec<String>,
}

/// Libraries by the names that data sets give them, and the modules that each needs.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("pandas", &["pandas", "numpy"]),
    ("numpy", &["numpy", "pandas", "scipy"]),
    ("matplotlib", &["matplotlib", "seaborn", "PIL", "numpy", "pandas"]),
    ("sklearn", &["sklearn", "numpy", "pandas"]),
    ("scipy", &["scipy", "numpy"]),
    ("pytorch", &["torch"]),
    ("tensorflow", &["tensorflow"]),
];

/// Modules that are worth importing once, before the first program: each takes long and is used by many tasks. The
/// largest ones are left to the programs that use them.
const PRELOAD: &[&str] = &[
    "numpy",
    "pandas",
    "scipy",
    "scipy.sparse",
    "scipy.stats",
    "scipy.optimize",
    "scipy.interpolate",
    "sklearn",
    "sklearn.feature_extraction.text",
    "sklearn.model_selection",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "PIL.Image",
    "matplotlib",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "seaborn",
];

const QUESTION: &str = "
import importlib.util, json, os, site, sys, sysconfig
found = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
paths = dict.fromkeys([sysconfig.get_paths()[key] for key in ('purelib', 'platlib')] + site.getsitepackages())
print(json.dumps(dict(paths=[path for path in paths if os.path.isdir(path)], modules=found)))
";

impl Environment {
    /// Asks an interpreter.
    pub fn of(python: &Path) -> Result<Self, String> {
        let mut modules: Vec<&str> =
            LIBRARIES.iter().flat_map(|(_, modules)| modules.iter().copied()).collect();
        modules.sort_unstable();
        modules.dedup();
        let output = egcfg_sandbox::ask(Command::new(python).args(["-I", "-c", QUESTION]).args(modules))
            .map_err(|error| format!("{}: {error}", python.display()))?;
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let text = String::from_utf8_lossy(&output.stderr);
            format!("{}: {}", python.display(), text.lines().last().unwrap_or("it does not answer"))
        })
    }

    /// Whether tasks of a library can run.
    pub fn has(&self, library: &str) -> bool {
        let wanted = library.to_lowercase();
        let needs = LIBRARIES.iter().find(|(name, _)| *name == wanted);
        needs.is_none_or(|(_, needs)| needs.iter().all(|module| self.modules.iter().any(|m| m == module)))
    }

    /// What to import before the first program runs.
    pub fn preload(&self) -> Vec<String> {
        let has = |module: &str| self.modules.iter().any(|m| module.split('.').next() == Some(m.as_str()));
        PRELOAD.iter().filter(|module| has(module)).map(|module| (*module).to_owned()).collect()
    }
}
