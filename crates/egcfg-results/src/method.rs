//! What must be known of a method to lay out its results and to read them: whether guidance has a strength in it, whether two
//! runs of it differ, whether it spends a budget of tokens, and after what its folder is named. A new method gets its facts
//! here and a place in [`METHODS`]; nothing else in the program asks for a method by its name.

use egcfg_guidance::Policy;
use egcfg_task::Config;

/// When a repetition of a unit may write something else than the unit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draws {
    /// Never: greedy decoding.
    Never,
    /// At every gamma but 0, where nothing is sampled.
    UnderGuidance,
    /// Always: it samples.
    Always,
}

/// The knobs that a method's folder is named after: those that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderName {
    /// The configuration's canonical name alone.
    Configuration,
    /// The method and the prompt type: `plain`, `plain_lci`.
    Prompt,
    /// The method and the configuration's canonical name.
    Both,
    /// The method, the temperature and the prompt type: `best_of_t0.7`, `best_of_t0.7_lci`.
    Temperature,
}

/// A method's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodFacts {
    /// The name in results and on the command line.
    pub name: &'static str,
    /// The name in tables and plots.
    pub title: &'static str,
    /// Guidance strength is a knob of it: one unit per gamma of the experiment instead of a single one at 0.
    pub uses_gamma: bool,
    /// When repetitions differ.
    pub draws: Draws,
    /// It goes on until a budget of tokens is spent, so that it can be given what another method took.
    pub takes_budget: bool,
    /// It grows a tree of programs: the knobs of a search are its own.
    pub searches: bool,
    /// What its folder is named after.
    pub folder: FolderName,
}

/// One guided generation.
pub static EG_CFG: MethodFacts = MethodFacts {
    name: "eg_cfg",
    title: "EG-CFG",
    uses_gamma: true,
    draws: Draws::UnderGuidance,
    takes_budget: false,
    searches: false,
    folder: FolderName::Configuration,
};
/// One greedy answer.
pub static PLAIN: MethodFacts = MethodFacts {
    name: "plain",
    title: "plain greedy",
    uses_gamma: false,
    draws: Draws::Never,
    takes_budget: false,
    searches: false,
    folder: FolderName::Prompt,
};
/// Whole samples, the first that passes.
pub static BEST_OF: MethodFacts = sampling("best_of", "best-of-N");
/// Rounds of feedback.
pub static SELF_DEBUGGING: MethodFacts = sampling("self_debugging", "Self-Debugging");
/// Recall, plan, code, debug.
pub static MAPCODER: MethodFacts = sampling("mapcoder", "MapCoder");
/// Debugging function by function.
pub static MGDEBUGGER: MethodFacts = sampling("mgdebugger", "MGDebugger");
/// Plans that are verified before they are written down.
pub static LPW: MethodFacts = sampling("lpw", "LPW");

/// The tree of programs, most probable unexpanded beginning first; the same at every repetition.
pub static SEARCH: MethodFacts = MethodFacts { draws: Draws::Never, ..searching("search", "tree, priority") };
/// The tree by sampling without replacement.
pub static SEARCH_UNIQUE: MethodFacts = searching("search_unique", "tree, unique");
/// The greedy answer and then independent draws: the search without its tree.
pub static SEARCH_INDEPENDENT: MethodFacts = searching("search_independent", "independent draws");
/// One beam search.
pub static SEARCH_BEAM: MethodFacts =
    MethodFacts { draws: Draws::Never, ..searching("search_beam", "beam search") };

/// The tree, then guided decoding with its runs in the block.
pub static ORDER: MethodFacts =
    MethodFacts { folder: FolderName::Both, ..searching("order", "tree, then EG-CFG") };
/// The tree, then a tree of what the guided model would write.
pub static SEARCH_GUIDED: MethodFacts = MethodFacts {
    folder: FolderName::Both,
    draws: Draws::Never,
    ..searching("search_guided", "tree, then guided tree")
};

/// A plan only after the tests refused a program.
pub static PAT: MethodFacts = sampling("pat", "PaT");
/// Repairs, each of the program that Thompson sampling favours.
pub static REX: MethodFacts = sampling("rex", "REx");

/// Every method that results may be of.
pub static METHODS: [&MethodFacts; 15] = [
    &EG_CFG,
    &PLAIN,
    &BEST_OF,
    &SELF_DEBUGGING,
    &MAPCODER,
    &MGDEBUGGER,
    &LPW,
    &SEARCH,
    &SEARCH_UNIQUE,
    &SEARCH_INDEPENDENT,
    &SEARCH_BEAM,
    &ORDER,
    &SEARCH_GUIDED,
    &PAT,
    &REX,
];

/// A method that samples whole answers until a budget is spent.
const fn sampling(name: &'static str, title: &'static str) -> MethodFacts {
    MethodFacts {
        name,
        title,
        uses_gamma: false,
        draws: Draws::Always,
        takes_budget: true,
        searches: false,
        folder: FolderName::Temperature,
    }
}

/// A method that grows a tree of programs.
const fn searching(name: &'static str, title: &'static str) -> MethodFacts {
    MethodFacts { searches: true, ..sampling(name, title) }
}

/// The method that searches by this policy.
pub fn searching_by(policy: Policy) -> &'static MethodFacts {
    match policy {
        Policy::Priority => &SEARCH,
        Policy::Unique => &SEARCH_UNIQUE,
        Policy::Independent => &SEARCH_INDEPENDENT,
        Policy::Beam | Policy::NormalisedBeam => &SEARCH_BEAM,
    }
}

impl MethodFacts {
    /// The facts of the method with this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        METHODS.into_iter().find(|method| method.name == name)
    }

    /// The facts of the method that a folder of results is of. Folders of other programs are named after configurations in
    /// other spellings; a name that begins with no method's is taken for one of those.
    pub fn of_folder(folder: &str) -> &'static Self {
        let own = |method: &&'static Self| {
            let rest = folder.strip_prefix(method.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        METHODS.into_iter().filter(own).max_by_key(|method| method.name.len()).unwrap_or(&EG_CFG)
    }

    /// The folder of its results under a configuration.
    pub fn folder(&self, config: &Config) -> String {
        let prompt = config.prompt.suffix();
        match self.folder {
            FolderName::Configuration => config.to_string(),
            FolderName::Both => format!("{}_{config}", self.name),
            FolderName::Prompt => format!("{}{prompt}", self.name),
            FolderName::Temperature => format!("{}_t{}{prompt}", self.name, config.temperature),
        }
    }

    /// The strengths that it is run at, of those of the experiment.
    pub fn gammas<'a>(&self, experiment: &'a [f64]) -> &'a [f64] {
        if self.uses_gamma { experiment } else { &[0.0] }
    }

    /// Whether a repetition at this gamma may differ from the first run.
    pub fn repeats(&self, gamma: f64) -> bool {
        match self.draws {
            Draws::Never => false,
            Draws::UnderGuidance => gamma != 0.0,
            Draws::Always => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_method_again() {
        let config: Config = "ns3t0.75d5k1_lci_ln".parse().unwrap();
        for method in METHODS {
            let folder = method.folder(&config);
            assert_eq!(MethodFacts::of_folder(&folder).name, method.name, "{folder}");
        }
        let folder = |name: &str| MethodFacts::of(name).map(|method| method.folder(&config));
        assert_eq!(folder("eg_cfg").as_deref(), Some("ns3t0.75d5k1_lci_ln"));
        assert_eq!(folder("plain").as_deref(), Some("plain_lci"));
        assert_eq!(folder("best_of").as_deref(), Some("best_of_t0.75_lci"));
        assert_eq!(folder("magic"), None);
        assert_eq!(MethodFacts::of_folder("plainly").name, "eg_cfg", "no method's name, but a longer word");
    }

    #[test]
    fn only_what_draws_is_repeated() {
        let repeats = |name: &str, gamma| MethodFacts::of(name).is_some_and(|method| method.repeats(gamma));
        assert!(
            repeats("eg_cfg", 1.0)
                && !repeats("eg_cfg", 0.0)
                && !repeats("plain", 0.0)
                && repeats("best_of", 0.0)
        );
    }
}
