//! The group of one sandbox, below which each run gets its own. It is made at the start, locked while the sandbox lives, and
//! removed at its end.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::{lists, set};
use super::find::{Place, Version, places};
use super::held::Held;
use super::run::{Caps, Group};
use super::stale::{self, PREFIX};
use crate::limits::Limits;

/// The group that this process moves itself into where version 2 does not let it stay beside others.
const SELF: &str = "egcfg-self-";

/// See the module's paragraph.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) version: Version,
    /// What these groups lie below.
    pub(crate) place: Place,
    held: Arc<Held>,
    next: AtomicU64,
    /// Which limits are set; a test leaves one out.
    caps: Caps,
}

impl Groups {
    /// Makes the group where one can be made, or says why nowhere.
    pub(crate) fn open(without: &[String]) -> Result<Arc<Self>, String> {
        let mut obstacles = Vec::new();
        let caps = Caps::without(without);
        for place in places() {
            match place.and_then(|place| Self::open_at(place, caps)) {
                Ok(groups) => return Ok(Arc::new(groups)),
                Err(error) => obstacles.push(error),
            }
        }
        Err(obstacles.join("; "))
    }

    fn open_at(mut place: Place, caps: Caps) -> Result<Self, String> {
        let mut held = Vec::new();
        if place.version == Version::Two {
            held.extend(delegate(&mut place)?);
        }
        let name = format!("{PREFIX}{:016x}", crate::token::number());
        let mut directories = Vec::new();
        for parent in &place.directories {
            stale::remove(parent, place.version);
            let group = parent.join(&name);
            let made = stale::make(&group).and_then(|lock| {
                held.push(lock);
                if place.version == Version::Two { enable(&group) } else { Ok(()) }
            });
            if let Err(error) = made {
                for made in directories.iter().chain([&group]) {
                    let _ = fs::remove_dir(made);
                }
                return Err(format!("{}: no group can be made in it: {error}", parent.display()));
            }
            directories.push(group);
        }
        let version = place.version;
        Ok(Self {
            version,
            place,
            held: Arc::new(Held::new(version, directories, held)),
            next: AtomicU64::new(0),
            caps,
        })
    }

    /// An empty group with these limits.
    pub(crate) fn create(&self, limits: &Limits) -> io::Result<Arc<Group>> {
        self.held.tidy();
        let name = format!("r{}", self.next.fetch_add(1, Ordering::Relaxed));
        let directories = self.held.directories.iter().map(|parent| parent.join(&name)).collect();
        Group::make(&self.held, directories, limits, self.caps)
    }
}

const CONTROLLERS: [&str; 2] = ["memory", "pids"];

/// Lets the groups below one have the controllers.
fn enable(group: &Path) -> io::Result<()> {
    set(group, "cgroup.subtree_control", "+memory +pids")
}

/// Makes sure that groups below a version 2 place have the controllers. In such a hierarchy a group with controllers for
/// those below holds no processes itself: where this process is in the way, it moves to a group of its own, below.
fn delegate(place: &mut Place) -> Result<Option<File>, String> {
    let mut group = place.directories[0].clone();
    if place.own
        && group.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(SELF))
        && let Some(parent) = group.parent()
    {
        // An earlier sandbox of this process, or of the one that started it, has moved it.
        group = parent.to_owned();
        place.directories = vec![group.clone()];
    }
    for controller in CONTROLLERS {
        if !lists(&group, "cgroup.controllers", controller) {
            return Err(format!("the {controller} controller is not delegated to {}", group.display()));
        }
    }
    if CONTROLLERS.iter().all(|controller| lists(&group, "cgroup.subtree_control", controller)) {
        return Ok(None);
    }
    let refused = |error: &io::Error| {
        format!("{}: its groups cannot be given the controllers: {error}", group.display())
    };
    match enable(&group) {
        Ok(()) => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) && place.own => {
            let aside = group.join(format!("{SELF}{:016x}", crate::token::number()));
            let held = stale::make(&aside).map_err(|error| refused(&error))?;
            let moved = set(&aside, "cgroup.procs", "0").and_then(|()| enable(&group));
            moved.map(|()| Some(held)).map_err(|error| {
                let _ = set(&group, "cgroup.procs", "0");
                let _ = fs::remove_dir(&aside);
                if error.raw_os_error() == Some(libc::EBUSY) {
                    return format!(
                        "other processes are in {} (hint: start egcfg in a group of its own, such as by \
                         `systemd-run --user --scope -p Delegate=yes`)",
                        group.display()
                    );
                }
                refused(&error)
            })
        }
        Err(error) => Err(refused(&error)),
    }
}
