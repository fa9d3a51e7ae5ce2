//! Starting a sandbox: its interpreters are warmed, what protects this machine is found out, and the first children are forked.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::error::SandboxError;
use crate::level::{Level, LevelChoice};
use crate::options::SandboxOptions;
use crate::profile::Profile;
use crate::sandbox::{Inner, Sandbox};
use crate::supervisor::bundle::{Bundle, backstop};
use crate::supervisor::descriptors::make_room;
use crate::supervisor::groups::{Found, Groups, missing, prove};
use crate::supervisor::interpreter::Interpreter;
use crate::supervisor::pool::Pool;
use crate::supervisor::protection::{Probed, demand, probe, steps_in_force};
use crate::supervisor::workdir::{RunDirectory, Tidy};
use crate::supervisor::{calibrate, keeper};

/// A warm interpreter forks fast enough for this many workers.
const WORKERS_PER_INTERPRETER: usize = 4;

impl Sandbox {
    /// Finds the interpreter, warms it, finds out what protects this machine, and forks the first children.
    ///
    /// Must be called on a tokio runtime with IO and time, and used on the same one. Where so many workers need it, the
    /// process's own limit of open descriptors is raised as far as the system allows.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        if options.workers == 0 {
            return Err(SandboxError::Option { field: "workers", reason: "0 (hint: at least 1)".to_owned() });
        }
        make_room(options.workers);
        let (python, packages) = (options.python.clone(), options.profile == Profile::DataScience);
        let find = move || {
            let mut interpreter = Interpreter::find(python.as_deref())?;
            if packages {
                interpreter.find_packages();
            }
            Ok::<_, SandboxError>(interpreter)
        };
        let interpreter = tokio::task::spawn_blocking(find)
            .await
            .map_err(|error| SandboxError::Zygote(error.to_string()))??;
        // Before anything is started: this process may have to move to another group for it.
        let (groups, proof) = control_groups(&options, &interpreter);
        let run = Arc::new(RunDirectory::create()?);
        let tidy = Tidy::new(run.path());
        let bundle = Bundle::new(&interpreter, &options, run.path())?;
        let count = options.workers.div_ceil(WORKERS_PER_INTERPRETER);
        let started: Vec<_> = (0..count).map(|_| keeper::start(bundle.clone(), Arc::clone(&run))).collect();
        let mut zygotes = Vec::new();
        for (zygote, ready) in started {
            let ready = ready.await.unwrap_or_else(|_| Err("no thread for it".to_owned()));
            ready.map_err(SandboxError::Zygote)?;
            zygotes.push(zygote);
        }
        let probing =
            Pool::new(zygotes.clone(), Arc::clone(&run), None, options.limits.clone(), options.workers);
        let Probed { protections, reference } = probe(
            &probing,
            options.level.ceiling(),
            proof.await.unwrap_or_else(|error| missing(&error.to_string())),
        )
        .await?;
        let calibration = match (options.calibrate, reference) {
            (true, Some(seconds)) => calibrate::remember(&interpreter.path, seconds),
            (true, None) => calibrate::known(&interpreter.path).unwrap_or(1.0),
            (false, _) => 1.0,
        };
        let mut limits = calibrate::scaled(&options.limits, calibration);
        let in_force = |name: &str| protections.iter().any(|one| one.name == name && one.in_force());
        let groups = groups.filter(|_| in_force("cgroup-memory") || in_force("cgroup-pids"));
        // Where the kernel counts, nobody needs to look.
        limits.resident &= groups.is_none() || !in_force("cgroup-memory");
        let interface = groups.as_ref().map(|groups| groups.version);
        let pool = Pool::new(zygotes.clone(), Arc::clone(&run), groups, limits, options.workers);
        // No system lacks this one by its nature: without it the disk is full, and the others cannot be probed.
        let left_out = options.without.iter().any(|name| name == "work-directory");
        let work = protections.iter().find(|protection| protection.name == "work-directory" && !left_out);
        if let Some(reason) = work.and_then(|protection| protection.missing.clone()) {
            return Err(SandboxError::WorkDirectory {
                path: run.next(),
                source: std::io::Error::other(reason),
            });
        }
        if options.without.is_empty() {
            demand(options.level, &protections)?;
        }
        for name in &options.required {
            let known = protections.iter().find(|protection| protection.name == name);
            let reason = match known {
                None => Some("there is no such protection".to_owned()),
                Some(protection) => protection.missing.clone(),
            };
            if let Some(reason) = reason {
                return Err(SandboxError::Unprotected { name: name.clone(), reason });
            }
        }
        for zygote in &zygotes {
            zygote.expect(steps_in_force(&protections), backstop(&pool.limits));
        }
        pool.refill().await;
        Ok(Self {
            inner: Arc::new(Inner {
                interpreter,
                protections,
                interface,
                ceiling: options.level.ceiling(),
                calibration,
                limits: options.limits,
                profile: options.profile,
                pool,
                _tidy: tidy,
            }),
        })
    }
}

/// The group for this sandbox's runs, where one can be made, and a trial that is under way: of whether its limits hold.
fn control_groups(
    options: &SandboxOptions,
    interpreter: &Interpreter,
) -> (Option<Arc<Groups>>, JoinHandle<Found>) {
    let opened = match options.level.ceiling() {
        Level::L2 => Groups::open(&options.without),
        _ => Err("not asked for".to_owned()),
    };
    let (groups, python, without) =
        (opened.as_ref().ok().cloned(), interpreter.path.clone(), options.without.clone());
    let trial = tokio::task::spawn_blocking(move || match opened {
        Ok(groups) => prove(&groups, &python, &without),
        Err(why) => missing(&why),
    });
    (groups, trial)
}

/// The layers that can be had here with these options, weakest first ([`Level::None`] always can). Starts a sandbox to
/// find out.
pub async fn available_levels(options: &SandboxOptions) -> Result<Vec<Level>, SandboxError> {
    let choose = |level| SandboxOptions { level, workers: 1, ..options.clone() };
    let usual = Sandbox::start(choose(LevelChoice::Auto)).await?.level();
    let strongest = match Sandbox::start(choose(LevelChoice::Exactly(Level::L2))).await {
        Ok(sandbox) => sandbox.level().max(usual),
        Err(SandboxError::Level { .. }) => usual,
        Err(error) => return Err(error),
    };
    Ok(Level::ALL.into_iter().filter(|level| *level <= strongest).collect())
}
