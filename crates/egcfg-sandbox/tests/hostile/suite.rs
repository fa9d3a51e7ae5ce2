//! Runs the programs, a case at a time, several at once, and looks at the host between the cases.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use egcfg_sandbox::{Level, Limits, Program, Sandbox, SandboxOptions, TraceOptions};
use egcfg_task::{Form, Observation, Test, TestResult};

use crate::common;
use crate::host::{Host, Look};
use crate::program::{Again, Hostile, all, fits};

/// Limits under which a program that runs into one is over soon.
pub(crate) fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(6),
        cpu: Duration::from_millis(500),
        idle: Duration::from_millis(500),
        memory: 256 << 20,
        output: 64 << 10,
        entries: 300,
        ..Limits::default()
    }
}

/// The layers that this machine offers.
pub(crate) async fn levels() -> Vec<Level> {
    let strongest = Sandbox::start(SandboxOptions::default()).await.expect("a sandbox");
    let found = [Level::L0, Level::L1, Level::L2].into_iter().filter(|level| *level <= strongest.level());
    for level in [Level::L0, Level::L1, Level::L2].into_iter().filter(|level| *level > strongest.level()) {
        let missing = strongest.missing().filter(|protection| protection.layer == level);
        let missing: Vec<String> = missing
            .map(|one| format!("{}: {}", one.name, one.missing.as_deref().unwrap_or_default()))
            .collect();
        common::note(&format!(
            "partly skipped: all programs at {level}, not in force here ({})",
            missing.join("; ")
        ));
    }
    let wanted = std::env::var("EGCFG_HOSTILE_LEVEL").ok();
    found.filter(|level| wanted.as_deref().is_none_or(|name| name == level.name())).collect()
}

pub(crate) fn home() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").expect("a home"))
}

/// A case that takes longer than this is named.
const SLOW: Duration = Duration::from_secs(5);

/// The cases that take memory, processes or threads. Control groups change nothing about the others, which have run at the
/// layers below by then.
const COUNTED: [usize; 7] = [1, 2, 3, 4, 15, 16, 30];

/// Whether a program's name begins so; `3` means case 3, too.
fn begins(program: &Hostile, wanted: &str) -> bool {
    program.name.starts_with(wanted) || wanted.parse() == Ok(program.case)
}

/// All programs at all layers.
pub(crate) async fn run() {
    let secret = std::env::var(crate::HELPER).expect("a secret");
    let host = Host::new(&home(), &secret);
    let wanted = std::env::var("EGCFG_HOSTILE").unwrap_or_default();
    let programs: Vec<Hostile> =
        all().into_iter().filter(|program| wanted.split(',').any(|one| begins(program, one))).collect();
    // Whoever names a layer wants all of it.
    let named = std::env::var_os("EGCFG_HOSTILE_LEVEL").is_some();
    let mut wrong = Vec::new();
    for level in levels().await {
        let started = Instant::now();
        let suite = Suite::new(level, &host).await;
        let again = |case: usize| level < Level::L2 || named || COUNTED.contains(&case);
        if level == Level::L2 && !named {
            println!("{level}: only cases {COUNTED:?}, which its limits are about");
        }
        let (mut run, mut slowest) = (0, Duration::ZERO);
        for case in 1..=37 {
            let of_case: Vec<&Hostile> =
                programs.iter().filter(|program| program.case == case && again(case)).collect();
            if of_case.is_empty() {
                continue;
            }
            let from = Instant::now();
            let mut faults = suite.case(&of_case).await;
            run += of_case.len();
            match host.compare(&suite.before, &home()).await {
                Ok(taken) => slowest = slowest.max(taken),
                Err(error) => faults.push(format!("{level}: case {case} changed the host: {error}")),
            }
            if from.elapsed() > SLOW {
                println!(
                    "{level}: case {case}, {} programs: {:.1} s",
                    of_case.len(),
                    from.elapsed().as_secs_f64()
                );
            }
            // At once: a suite that is broken off has said what it found.
            for fault in &faults {
                println!("wrong: {fault}");
            }
            wrong.extend(faults);
        }
        println!(
            "{level}: {run} programs in {:.1} s; the host was itself again after at most {} ms",
            started.elapsed().as_secs_f64(),
            slowest.as_millis()
        );
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

struct Suite<'a> {
    level: Level,
    /// The host with a sandbox at rest in it, all processes that wait for work included.
    before: Look,
    sandbox: Sandbox,
    host: &'a Host,
}

/// What came of one program.
type Ran = Vec<Observation>;

impl<'a> Suite<'a> {
    async fn new(level: Level, host: &'a Host) -> Self {
        let options = SandboxOptions { workers: 4, limits: limits(), calibrate: false, ..common::at(level) };
        let sandbox = Sandbox::start(options).await.expect("a sandbox at a layer that is available");
        let up_to = sandbox.protections().iter().filter(|protection| protection.layer <= level);
        for protection in up_to.filter(|protection| !protection.in_force()) {
            let missing = protection.missing.as_deref().unwrap_or_default();
            common::note(&format!("{level}: {} is not in force here: {missing}", protection.name));
        }
        // Once, so that what the first run opens for good is there before the first look.
        let warm = common::judge(&sandbox, "def f(x):\n    return 2\n", "assert f(1) == 2").await;
        assert!(warm.verdict.passed(), "{warm:?}");
        let before = host.rest(&home()).await;
        Self { level, before, sandbox, host }
    }

    /// Runs the programs of one case, all at once; says what was wrong.
    async fn case(&self, programs: &[&Hostile]) -> Vec<String> {
        let runs = programs.iter().map(|program| self.checked(program));
        futures_of(runs).await.into_iter().flatten().collect()
    }

    async fn checked(&self, hostile: &Hostile) -> Vec<String> {
        if let Some(missing) = self.missing(hostile) {
            common::note(&format!(
                "partly skipped: {} at {}: {missing} is not in force here",
                hostile.name, self.level
            ));
            return Vec::new();
        }
        let mut ran = self.run(hostile).await;
        let mut wrong = self.faults(hostile, &ran);
        if let Some(again) = hostile.again {
            let second = self.run(hostile).await;
            wrong.extend(self.faults(hostile, &second));
            let differs = ran.iter().zip(&second).any(|(one, two)| one.result.verdict != two.result.verdict);
            if differs && again == Again::Same {
                wrong.push(format!("{} at {}: another verdict the second time", hostile.name, self.level));
            }
            ran.extend(second);
        }
        if let Some(next) = &hostile.then {
            let next = all().into_iter().find(|other| other.name == *next).expect("the program to run then");
            // As many as there are workers, so that whichever process was forked ahead takes part.
            for _ in 0..4 {
                let ran = self.run(&next).await;
                wrong.extend(
                    self.faults(&next, &ran)
                        .into_iter()
                        .map(|fault| format!("after {}: {fault}", hostile.name)),
                );
            }
        }
        wrong
    }

    fn missing(&self, hostile: &Hostile) -> Option<&str> {
        let protections = self.sandbox.protections();
        let named =
            protections.iter().filter(|protection| hostile.needs.iter().any(|need| need == protection.name));
        named.into_iter().find(|protection| !protection.in_force()).map(|protection| protection.name)
    }

    async fn run(&self, hostile: &Hostile) -> Ran {
        let program = Program {
            source: self.host.fill(&hostile.source, &home()),
            entry_point: if hostile.stdio { "solve" } else { "f" }.to_owned(),
            form: if hostile.stdio { Form::Stdio } else { Form::Asserts },
            ..Program::default()
        };
        let tests: Vec<Test> = hostile.tests.clone();
        let patience = Duration::from_secs(60);
        let judged = async {
            if let Some(steps) = hostile.traced {
                let size = if hostile.cut.iter().any(|cut| cut == "size") { 1 << 16 } else { 1 << 20 };
                let options =
                    TraceOptions { steps, size, backend: hostile.backend, ..TraceOptions::default() };
                self.sandbox.observe(&program, &tests, &options).await
            } else {
                let plain = |result: TestResult| Observation { result, trace: None };
                self.sandbox
                    .judge(&program, &tests)
                    .await
                    .map(|results| results.into_iter().map(plain).collect())
            }
        };
        let judged = tokio::time::timeout(patience, judged).await;
        judged.unwrap_or_else(|_| panic!("{} hangs", hostile.name)).expect("a sandbox that can be had")
    }

    /// What is wrong about the results of one program.
    fn faults(&self, hostile: &Hostile, ran: &Ran) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = format!("{} at {}", hostile.name, self.level);
        for (number, one) in ran.iter().enumerate() {
            let result = &one.result;
            let shown = format!(
                "{name}: test {number}: {} ({:?}, got {:?})",
                result.verdict, result.error, result.got
            );
            if !hostile.allows(self.level, &result.verdict) {
                wrong.push(format!("{shown}; right are {}", hostile.verdicts(self.level).join(" | ")));
            }
            let cut = one.trace.as_ref().and_then(|trace| trace.cut);
            if hostile.traced.is_some() && !hostile.allows_cut(cut) {
                wrong.push(format!("{name}: a trace cut by {cut:?}; right are {}", hostile.cut.join(" | ")));
            }
            if hostile.traced.is_some() && one.trace.is_none() && !hostile.cut.is_empty() {
                wrong.push(format!("{name}: no trace"));
            }
            let text = serde_json::to_string(one).expect("a result that can be written");
            if text.contains(&self.host.secret) {
                wrong.push(format!("{name}: a secret came out: {text}"));
            }
            let raw = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
            if result.error.as_deref().is_some_and(raw) || result.got.as_deref().is_some_and(raw) {
                wrong.push(format!("{name}: control characters in its result: {result:?}"));
            }
        }
        if let Some(some) = &hostile.some
            && !ran.iter().any(|one| fits(some, &one.result.verdict.to_string()))
        {
            wrong.push(format!("{name}: no test is {some}: {ran:?}"));
        }
        wrong
    }
}

/// Waits for all of them at once.
async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Some(Box::pin(future)), None)).collect();
    std::future::poll_fn(move |context| {
        let mut pending = false;
        for (future, result) in &mut waiting {
            if let Some(running) = future {
                match running.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => (*result, *future) = (Some(value), None),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(waiting.iter_mut().filter_map(|(_, result)| result.take()).collect())
    })
    .await
}
