//! Room for open descriptors. The supervisor holds five per child, and many systems give a process 1024 unless it asks
//! for more: a sandbox with some hundred workers would run out of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Two children per running program and as many that wait; per child a socket, two pipes, the trace's memory and the
/// process itself, and as many again while it is being made.
const PER_WORKER: u64 = 2 * 2 * 5 + 10;
/// What the rest of the process needs.
const REST: u64 = 256;

/// Raises this process's own limit as far as the system lets it, where so many workers need it. Children of the
/// sandbox have a limit of their own.
pub(crate) fn make_room(workers: usize) {
    let wanted = REST + PER_WORKER * workers as u64;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return };
    let raised = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum)).max(current);
    // Where it is refused, the children that find no room say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
}
