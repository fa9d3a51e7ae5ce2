//! The seccomp deny-list, compiled here. System calls that no judged program needs are refused with an error instead of a
//! kill, so that a program which tries one is judged like any other. Several programs stack: calls refused with EPERM;
//! process creation refused with EAGAIN, the error that the manual gives for a process limit; `clone3`, whose flags no filter
//! can see, refused with ENOSYS, so that the C library falls back.
//!
//! What neither the warm interpreter nor a child's preparation needs is refused to the interpreter once and inherited: for each
//! filter the kernel translates the program and tries every call number on it, a third of a millisecond for the long
//! list. Only what is left is installed by each child after its fork.
//! Each call stands under the protection that refuses it, so that a test can leave out that one and show what it stops.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use crate::supervisor::system_calls::{
    CONTROLS, EXTENDED_ATTRIBUTES, F_SET_FILE_RW_HINT, F_SET_RW_HINT, F_SETDELEG, F_SETOWN_EX, PREPARATION,
    REFUSED, REFUSED_X86_64,
};

/// Stands for the child's own process id, which is known only after the fork.
pub(crate) const PID_MAGIC: u32 = 0x6567_6366;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters as `struct sock_filter` arrays. Empty where the architecture is not known; the probe then reports what is
/// missing.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// Installed once in the warm interpreter, where that can be.
    pub(crate) inherited: Vec<Vec<u8>>,
    /// Installed by each child.
    pub(crate) own: Vec<Vec<u8>>,
}

/// Compiles the filters; `without` names protections to leave out.
pub(crate) fn programs(without: &[String]) -> Result<Filters, seccompiler::Error> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(Filters::default()) };
    let has = |name: &str| !without.iter().any(|left_out| left_out == name);
    let compile = |rules: Rules, errno: i32| {
        let action = SeccompAction::Errno(errno as u32);
        let program: BpfProgram =
            SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?.try_into()?;
        Ok::<_, seccompiler::Error>(bytes(&program))
    };
    let (mut own, inherited): (Rules, Rules) =
        refused(&has).into_iter().partition(|(number, _)| PREPARATION.contains(number));
    own.extend(refused_by_arguments(&has)?);
    let mut filters = Filters::default();
    if !inherited.is_empty() {
        filters.inherited.push(compile(inherited, libc::EPERM)?);
    }
    let mut missing = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    if has("shared-objects-denied") {
        // Among their flags is the question whether a page of a file is in memory. The C library falls back.
        missing.extend([(libc::SYS_preadv2, Vec::new()), (libc::SYS_pwritev2, Vec::new())]);
    }
    filters.inherited.push(compile(missing, libc::ENOSYS)?);
    if has("attributes-denied") {
        // Landlock does not guard them either, and they can hold more than names. The error is that of a file system that
        // has none, which copying a file takes as such.
        let reads = EXTENDED_ATTRIBUTES.iter().map(|&number| (number, Vec::new())).collect();
        filters.inherited.push(compile(reads, libc::EOPNOTSUPP)?);
    }
    if has("seccomp") {
        filters.inherited.push(refuse_unknown());
    }
    filters.own.push(compile(own, libc::EPERM)?);
    if has("fork-denied") {
        filters.own.push(compile(processes()?, libc::EAGAIN)?);
    }
    Ok(filters)
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    let mut data = Vec::with_capacity(program.len() * 8);
    for instruction in program {
        data.extend(instruction.code.to_ne_bytes());
        data.extend([instruction.jt, instruction.jf]);
        data.extend(instruction.k.to_ne_bytes());
    }
    data
}

/// The first call that this list does not know; from 424 on all architectures share their numbers.
const UNKNOWN: u32 = 463;

/// Calls younger than this list do not exist for a program: some do by another name what is refused here (`setxattrat`,
/// `file_setattr`). x32 calls, which carry bit 30 and would pass by every number of the list, are above it, too.
fn refuse_unknown() -> Vec<u8> {
    let errno = 0x0005_0000 | libc::ENOSYS as u32;
    let mut data = Vec::new();
    for (code, jt, jf, k) in
        [(0x20u16, 0u8, 0u8, 0u32), (0x35, 0, 1, UNKNOWN), (0x06, 0, 0, errno), (0x06, 0, 0, 0x7fff_0000)]
    {
        data.extend(code.to_ne_bytes());
        data.extend([jt, jf]);
        data.extend(k.to_ne_bytes());
    }
    data
}

fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::Error> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .map(|(index, op, value)| SeccompCondition::new(*index, SeccompCmpArgLen::Dword, op.clone(), *value))
        .collect();
    Ok(SeccompRule::new(conditions?)?)
}

/// Calls refused whatever their arguments.
fn refused(has: &dyn Fn(&str) -> bool) -> Rules {
    let lists = REFUSED.iter().chain(REFUSED_X86_64).filter(|(protection, _)| has(protection));
    lists.flat_map(|(_, numbers)| numbers.iter().map(|&number| (number, Vec::new()))).collect()
}

/// Calls refused with certain arguments.
fn refused_by_arguments(has: &dyn Fn(&str) -> bool) -> Result<Rules, seccompiler::Error> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let own = u64::from(PID_MAGIC);
    let mut rules = Rules::new();
    // Signals and limits: to this process only.
    if has("signals-denied") {
        for number in [libc::SYS_kill, libc::SYS_tgkill, libc::SYS_tkill] {
            rules.insert(number, vec![when(&[(0, Ne, own)])?]);
        }
    }
    rules.insert(libc::SYS_prlimit64, vec![when(&[(0, Ne, 0), (0, Ne, own)])?]);
    // A pair of connected streams inside the process is harmless (event loops make one). One for datagrams is not: it sends
    // to any address that is named with the datagram, the system's log for one. A raw one is one for datagrams.
    if has("network-denied") {
        let kind = |kind: i32| when(&[(1, MaskedEq(0xf), kind as u64)]);
        let rest = [kind(libc::SOCK_DGRAM)?, kind(libc::SOCK_RAW)?];
        let family = when(&[(0, Ne, libc::AF_UNIX as u64)])?;
        rules.insert(libc::SYS_socketpair, [family].into_iter().chain(rest).collect());
    }
    // Memory that is shared with nobody, but stays when all of its addresses but one are given up: no limit counts it then.
    if has("uncounted-memory-denied") {
        let shared = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u64;
        rules.insert(libc::SYS_mmap, vec![when(&[(3, MaskedEq(shared), shared)])?]);
    }
    let options = [
        libc::PR_SET_PDEATHSIG,
        libc::PR_SET_DUMPABLE,
        libc::PR_SET_CHILD_SUBREAPER,
        libc::PR_SET_MM,
        libc::PR_SET_THP_DISABLE,
    ];
    let options = options.iter().map(|&option| when(&[(0, Eq, option as u64)]));
    rules.insert(libc::SYS_prctl, options.collect::<Result<_, _>>()?);
    // What a device, a socket or a file system understands by the others is without end: characters pushed into a terminal,
    // the owner of a socket (who gets signals), the machine's addresses, flags of a directory that outlive the run.
    let others: Vec<_> = CONTROLS.iter().map(|&control| (1, Ne, control)).collect();
    rules.insert(libc::SYS_ioctl, vec![when(&others)?]);
    let mut commands = Vec::new();
    // Locks on shared files are a channel.
    if has("shared-objects-denied") {
        commands.extend([libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_SETLK, libc::F_OFD_SETLKW]);
        commands.extend([libc::F_SETLEASE, libc::F_NOTIFY, F_SET_RW_HINT, F_SET_FILE_RW_HINT, F_SETDELEG]);
    }
    // Signals on behalf of descriptors reach others.
    if has("signals-denied") {
        commands.extend([libc::F_SETOWN, F_SETOWN_EX]);
    }
    let commands = commands.iter().map(|&command| when(&[(1, Eq, command as u64)]));
    let commands: Vec<_> = commands.collect::<Result<_, _>>()?;
    if !commands.is_empty() {
        rules.insert(libc::SYS_fcntl, commands);
    }
    Ok(rules)
}

/// Only threads may be made.
fn processes() -> Result<Rules, seccompiler::Error> {
    let thread = libc::CLONE_THREAD as u64;
    let rule = when(&[(0, SeccompCmpOp::MaskedEq(thread), 0)])?;
    let mut rules = Rules::from([(libc::SYS_clone, vec![rule])]);
    #[cfg(target_arch = "x86_64")]
    rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
    // Not a call on every architecture; an empty map entry costs nothing where it never comes.
    rules.entry(libc::SYS_clone).or_default();
    Ok(rules)
}
