//! The programs of the suite: a file each, with a header that says what is right. Header lines begin with `#|` and are
//! taken off before the program runs, so that what is odd about a source can stand in its first line.
//!
//! | key | what it says |
//! |---|---|
//! | `title` | what the program tries, in a few words |
//! | `verdict` | the right verdicts, parted by a bar; `*` at an end stands for anything. `verdict L1` is for that layer and those above |
//! | `stops` | what stops it: names of protections, or of other parts of the sandbox |
//! | `test` | an assert test; may come more than once; `assert f(1) == 2` if there is none |
//! | `form` | `stdio` for a program that is judged by its output; `stdin` and `stdout` are then JSON texts |
//! | `traced` | run under the tracer, with a budget of this many steps |
//! | `backend` | `settrace` or `monitoring` instead of the interpreter's best |
//! | `cut` | the right reasons for which the trace ends early; `none` for a whole one |
//! | `some` | a verdict that one of several tests must have |
//! | `again` | `same`: the verdict must be the same when it runs again; `any`: it may differ |
//! | `then` | a program to run right after it, on the same warm interpreter |
//! | `needs` | protections without which it must not run here |
//! | `body` | `json`: the rest is a JSON list of texts and of `[text, count]` pairs, which make up the source |

use std::path::Path;

use egcfg_sandbox::Level;
use egcfg_task::{Backend, Cut, Test, Verdict};

/// One program file.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    /// The file's name without its ending, such as `14-atexit`.
    pub(crate) name: String,
    /// The number of its case.
    pub(crate) case: usize,
    pub(crate) title: String,
    pub(crate) stops: Vec<String>,
    pub(crate) needs: Vec<String>,
    pub(crate) tests: Vec<Test>,
    pub(crate) stdio: bool,
    pub(crate) traced: Option<u32>,
    pub(crate) backend: Option<Backend>,
    pub(crate) cut: Vec<String>,
    pub(crate) some: Option<String>,
    pub(crate) again: Option<Again>,
    pub(crate) then: Option<String>,
    pub(crate) source: String,
    verdicts: Vec<(Level, Vec<String>)>,
}

/// What a second run must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Same,
    Any,
}

/// All programs, in the order of their names.
pub(crate) fn all() -> Vec<Hostile> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/programs");
    let mut programs: Vec<Hostile> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| {
            let path = entry.expect("a directory entry").path();
            let name = path.file_stem().expect("a name").to_str().expect("a plain name").to_owned();
            let text = std::fs::read_to_string(&path).expect("a program in UTF-8");
            Hostile::parse(&name, &text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect();
    programs.sort_by(|left, right| left.name.cmp(&right.name));
    programs
}

impl Hostile {
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let case =
            name.get(..2).and_then(|number| number.parse().ok()).ok_or("no case number in its name")?;
        let mut program = Self {
            name: name.to_owned(),
            case,
            title: String::new(),
            stops: Vec::new(),
            needs: Vec::new(),
            tests: Vec::new(),
            stdio: false,
            traced: None,
            backend: None,
            cut: Vec::new(),
            some: None,
            again: None,
            then: None,
            source: String::new(),
            verdicts: Vec::new(),
        };
        let (mut stdin, mut stdout, mut json) = (None, None, false);
        let mut rest = text;
        while let Some(line) = rest.strip_prefix("#| ") {
            let (line, below) = line.split_once('\n').unwrap_or((line, ""));
            rest = below;
            let (key, value) =
                line.split_once(": ").ok_or_else(|| format!("a header line without a value: {line}"))?;
            let list = |separator: &str| {
                value.split(separator).map(|part| part.trim().to_owned()).collect::<Vec<_>>()
            };
            match key {
                "title" => value.clone_into(&mut program.title),
                "stops" => program.stops = list(","),
                "needs" => program.needs = list(","),
                "test" => program.tests.push(Test::Assert(value.to_owned())),
                "form" if value == "stdio" => program.stdio = true,
                "stdin" => stdin = Some(text_of(value)?),
                "stdout" => stdout = Some(text_of(value)?),
                "traced" => program.traced = Some(value.parse().map_err(|_| "traced: not a number")?),
                "backend" if value == "settrace" => program.backend = Some(Backend::Settrace),
                "backend" if value == "monitoring" => program.backend = Some(Backend::Monitoring),
                "cut" => program.cut = list("|"),
                "some" => program.some = Some(value.to_owned()),
                "again" if value == "same" => program.again = Some(Again::Same),
                "again" if value == "any" => program.again = Some(Again::Any),
                "then" => program.then = Some(value.to_owned()),
                "body" if value == "json" => json = true,
                "verdict" => program.verdicts.push((Level::None, list("|"))),
                "verdict L1" => program.verdicts.push((Level::L1, list("|"))),
                "verdict L2" => program.verdicts.push((Level::L2, list("|"))),
                _ => return Err(format!("an unknown header line: {line}")),
            }
        }
        if program.title.is_empty() || program.stops.is_empty() || program.verdicts.is_empty() {
            return Err("title, stops and verdict must be there".to_owned());
        }
        if program.stdio {
            let (stdin, stdout) = stdin.zip(stdout).ok_or("stdin and stdout must be there")?;
            program.tests = vec![Test::stdio(stdin, stdout)];
        } else if program.tests.is_empty() {
            program.tests.push(Test::Assert("assert f(1) == 2".to_owned()));
        }
        program.source = if json { assemble(rest)? } else { rest.to_owned() };
        Ok(program)
    }

    /// The patterns of the right verdicts at a layer.
    pub(crate) fn verdicts(&self, level: Level) -> &[String] {
        let fitting = self.verdicts.iter().filter(|(from, _)| *from <= level);
        fitting.max_by_key(|(from, _)| *from).map_or(&[], |(_, verdicts)| verdicts)
    }

    pub(crate) fn allows(&self, level: Level, verdict: &Verdict) -> bool {
        let verdict = verdict.to_string();
        self.verdicts(level).iter().any(|pattern| fits(pattern, &verdict))
    }

    pub(crate) fn allows_cut(&self, cut: Option<Cut>) -> bool {
        let cut = cut.map_or("none".to_owned(), |cut| format!("{cut:?}").to_lowercase());
        self.cut.is_empty() || self.cut.contains(&cut)
    }
}

/// Whether a verdict's text is what a pattern names: the same text, or one that begins as the pattern before its `*`.
pub(crate) fn fits(pattern: &str, verdict: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == verdict,
        Some((head, tail)) => {
            verdict.len() >= head.len() + tail.len() && verdict.starts_with(head) && verdict.ends_with(tail)
        }
    }
}

fn text_of(value: &str) -> Result<String, String> {
    serde_json::from_str(value).map_err(|error| format!("not a JSON text: {value}: {error}"))
}

fn assemble(body: &str) -> Result<String, String> {
    let parts: Vec<serde_json::Value> =
        serde_json::from_str(body).map_err(|error| format!("the body: {error}"))?;
    let mut source = String::new();
    for part in parts {
        match part {
            serde_json::Value::String(text) => source.push_str(&text),
            other => {
                let (text, count): (String, usize) =
                    serde_json::from_value(other).map_err(|error| format!("the body: {error}"))?;
                source.push_str(&text.repeat(count));
            }
        }
    }
    Ok(source)
}
