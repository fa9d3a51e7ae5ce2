//! The children that wait for work. Forking and confining take a millisecond or two, so it is done ahead: while one program is
//! judged, or nothing at all happens, the next children already stand ready. A process that ran a program is thrown away;
//! one that judged comes back for the next program when its tests can have left nothing in it, a bounded number of times.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::SandboxError;
use crate::limits::Limits;
use crate::supervisor::child::Child;
use crate::supervisor::groups::Groups;
use crate::supervisor::workdir::RunDirectory;
use crate::supervisor::zygote::{Role, Zygote};

/// How long to wait before a child is asked for again, when there was none to be had.
const PAUSES: &[Duration] = &[
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
];
/// What takes longer to fail than this is not tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Limits of every run.
    pub(crate) limits: Arc<Limits>,
    zygotes: Vec<Zygote>,
    run: Arc<RunDirectory>,
    /// Where each child gets a control group, if it does.
    groups: Option<Arc<Groups>>,
    permits: Semaphore,
    ready: Mutex<Ready>,
    workers: usize,
    depth: usize,
    next: AtomicUsize,
    refilling: AtomicBool,
}

/// A comparer is replaced after this many programs at the latest, whatever it says.
const SERVICES: u32 = 100;

#[derive(Debug, Default)]
struct Ready {
    candidates: Vec<Child>,
    comparers: Vec<Child>,
}

impl Ready {
    fn of(&mut self, role: Role) -> &mut Vec<Child> {
        if role == Role::Comparer { &mut self.comparers } else { &mut self.candidates }
    }
}

/// The right to run one program; when it goes, the next children are made.
#[derive(Debug)]
pub(crate) struct Lease<'a> {
    pool: &'a Arc<Pool>,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(crate) fn new(
        zygotes: Vec<Zygote>,
        run: Arc<RunDirectory>,
        groups: Option<Arc<Groups>>,
        limits: Limits,
        workers: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            limits: Arc::new(limits),
            zygotes,
            run,
            groups,
            permits: Semaphore::new(workers),
            ready: Mutex::default(),
            workers,
            depth: workers.min(4),
            next: AtomicUsize::new(0),
            refilling: AtomicBool::new(false),
        })
    }

    /// Waits for a free worker.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease<'_>, SandboxError> {
        let permit = self.permits.acquire().await.map_err(|error| SandboxError::Spawn(error.to_string()))?;
        Ok(Lease { pool: self, _permit: permit })
    }

    /// A fresh child: one that waits, or a new one.
    pub(crate) async fn child(&self, role: Role) -> Result<Child, SandboxError> {
        while let Some(mut child) = self.ready().of(role).pop() {
            // It may have died with its interpreter while it waited.
            if child.is_fresh() {
                return Ok(child);
            }
        }
        let started = Instant::now();
        let mut pauses = PAUSES.iter();
        loop {
            match self.fork(role).await {
                Ok(child) => return Ok(child),
                // Out of processes or descriptors, or the interpreter has died: this often passes.
                Err(error) => match pauses.next() {
                    Some(pause) if started.elapsed() < PATIENCE => tokio::time::sleep(*pause).await,
                    _ => return Err(error),
                },
            }
        }
    }

    /// Takes back a comparer that is as good as new.
    fn give_back(&self, mut comparer: Child) {
        comparer.served += 1;
        let mut ready = self.ready();
        if comparer.served < SERVICES && ready.comparers.len() < self.workers {
            ready.comparers.push(comparer);
        }
    }

    /// Throws away the children that wait, whose interpreter has perhaps died.
    pub(crate) fn clear(&self) {
        let (candidates, comparers) = {
            let mut ready = self.ready();
            (std::mem::take(&mut ready.candidates), std::mem::take(&mut ready.comparers))
        };
        drop((candidates, comparers));
    }

    /// Forks a child on the interpreter whose turn it is.
    pub(crate) async fn fork(&self, role: Role) -> Result<Child, SandboxError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        Child::fork(
            &self.zygotes[turn % self.zygotes.len()],
            role,
            &self.run,
            &self.limits,
            self.groups.as_ref(),
        )
        .await
    }

    /// Makes children until enough wait; the first error ends it (whoever needs a child then sees it).
    pub(crate) async fn refill(&self) {
        // Whoever finds another one at work leaves it to that one, which looks again after it has said that it is done.
        while let Some(role) = self.short_of()
            && !self.refilling.swap(true, Ordering::AcqRel)
        {
            let forked = self.fork(role).await.map(|child| self.keep(role, child));
            self.refilling.store(false, Ordering::Release);
            if forked.is_err() {
                return;
            }
        }
    }

    /// Lets a new child wait, unless a comparer has come back meanwhile and there are enough.
    fn keep(&self, role: Role, child: Child) {
        let mut ready = self.ready();
        if ready.of(role).len() < self.depth {
            ready.of(role).push(child);
        }
    }

    /// The role of which too few children wait.
    fn short_of(&self) -> Option<Role> {
        let mut ready = self.ready();
        [Role::Candidate, Role::Comparer].into_iter().find(|&role| ready.of(role).len() < self.depth)
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// Throws away the children that wait, whose interpreter has perhaps died.
    pub(crate) fn clear(&self) {
        self.pool.clear();
    }

    /// Limits of every run.
    pub(crate) fn limits(&self) -> &Limits {
        &self.pool.limits
    }

    /// A fresh child.
    pub(crate) async fn child(&self, role: Role) -> Result<Child, SandboxError> {
        self.pool.child(role).await
    }

    /// Takes back a comparer that is as good as new.
    pub(crate) fn give_back(&self, comparer: Child) {
        self.pool.give_back(comparer);
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let pool = Arc::clone(self.pool);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { pool.refill().await });
        }
    }
}
