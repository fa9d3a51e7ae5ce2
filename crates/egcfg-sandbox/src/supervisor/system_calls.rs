//! The system calls that programs are refused, as tables under the names of the protections that refuse them.

/// Calls refused whatever their arguments, under the names of the protections that refuse them.
pub(crate) const REFUSED: &[(&str, &[i64])] = &[
    // New programs.
    ("exec-denied", &[libc::SYS_execve, libc::SYS_execveat]),
    // Other processes.
    (
        "privileged-calls-denied",
        &[
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_process_madvise,
            libc::SYS_pidfd_open,
            libc::SYS_pidfd_getfd,
            libc::SYS_kcmp,
            libc::SYS_setpriority,
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setscheduler,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setattr,
            libc::SYS_ioprio_set,
            libc::SYS_migrate_pages,
            libc::SYS_move_pages,
        ],
    ),
    // Signals by other ways than `kill`.
    (
        "signals-denied",
        &[libc::SYS_pidfd_send_signal, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo],
    ),
    // Network.
    (
        "network-denied",
        &[
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_accept,
            libc::SYS_accept4,
            // Beside data these carry addresses, and descriptors: of removed files, which nobody finds while they are under way.
            libc::SYS_sendmsg,
            libc::SYS_sendmmsg,
        ],
    ),
    // The system.
    (
        "privileged-calls-denied",
        &[
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_chroot,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_fsconfig,
            libc::SYS_fsmount,
            libc::SYS_fspick,
            libc::SYS_mount_setattr,
            libc::SYS_swapon,
            libc::SYS_swapoff,
            libc::SYS_reboot,
            libc::SYS_kexec_load,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_acct,
            libc::SYS_quotactl,
            libc::SYS_syslog,
            libc::SYS_sethostname,
            libc::SYS_setdomainname,
            libc::SYS_settimeofday,
            libc::SYS_clock_settime,
            libc::SYS_clock_adjtime,
            libc::SYS_adjtimex,
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
            libc::SYS_fanotify_init,
            libc::SYS_fanotify_mark,
            libc::SYS_inotify_add_watch,
            libc::SYS_lookup_dcookie,
            libc::SYS_name_to_handle_at,
            libc::SYS_open_by_handle_at,
            libc::SYS_personality,
            libc::SYS_vhangup,
            // They wait for everybody's writing, and nothing ends them before.
            libc::SYS_sync,
            libc::SYS_syncfs,
            // Of these requests the machine has a fixed number, and of rules no limit counts the memory.
            libc::SYS_io_setup,
            libc::SYS_io_submit,
            libc::SYS_landlock_create_ruleset,
            libc::SYS_landlock_add_rule,
            libc::SYS_landlock_restrict_self,
            young::QUOTACTL_FD,
            young::PROCESS_MRELEASE,
            young::SET_MEMPOLICY_HOME_NODE,
            young::STATMOUNT,
            young::LISTMOUNT,
            young::LSM_GET_SELF_ATTR,
            young::LSM_SET_SELF_ATTR,
            young::LSM_LIST_MODULES,
        ],
    ),
    // Things that outlive a process or pass between processes.
    (
        "shared-objects-denied",
        &[
            libc::SYS_add_key,
            libc::SYS_request_key,
            libc::SYS_keyctl,
            libc::SYS_shmget,
            libc::SYS_shmat,
            libc::SYS_shmctl,
            libc::SYS_msgget,
            libc::SYS_msgsnd,
            libc::SYS_msgrcv,
            libc::SYS_msgctl,
            libc::SYS_semget,
            libc::SYS_semop,
            libc::SYS_semctl,
            libc::SYS_semtimedop,
            libc::SYS_mq_open,
            libc::SYS_mq_unlink,
            libc::SYS_flock,
            // Which pages of a shared file are in memory is what another program has read of it.
            young::CACHESTAT,
            libc::SYS_mincore,
        ],
    ),
    // Memory that no limit counts.
    ("uncounted-memory-denied", &[libc::SYS_memfd_create, libc::SYS_memfd_secret]),
    // Attributes of files, which Landlock does not guard.
    (
        "attributes-denied",
        &[
            libc::SYS_fchmod,
            libc::SYS_fchmodat,
            young::FCHMODAT2,
            libc::SYS_fchown,
            libc::SYS_fchownat,
            libc::SYS_utimensat,
            libc::SYS_setxattr,
            libc::SYS_lsetxattr,
            libc::SYS_fsetxattr,
            libc::SYS_removexattr,
            libc::SYS_lremovexattr,
            libc::SYS_fremovexattr,
            libc::SYS_truncate,
            libc::SYS_mknodat,
            libc::SYS_linkat,
            libc::SYS_symlinkat,
        ],
    ),
];

/// Calls that the library of constants does not have on every architecture.
mod young {
    pub(super) const QUOTACTL_FD: i64 = 443;
    pub(super) const PROCESS_MRELEASE: i64 = 448;
    pub(super) const SET_MEMPOLICY_HOME_NODE: i64 = 450;
    pub(super) const CACHESTAT: i64 = 451;
    pub(super) const FCHMODAT2: i64 = 452;
    pub(super) const STATMOUNT: i64 = 457;
    pub(super) const LISTMOUNT: i64 = 458;
    pub(super) const LSM_GET_SELF_ATTR: i64 = 459;
    pub(super) const LSM_SET_SELF_ATTR: i64 = 460;
    pub(super) const LSM_LIST_MODULES: i64 = 461;
}

/// The same kinds of calls where only this architecture has them.
#[cfg(target_arch = "x86_64")]
pub(crate) const REFUSED_X86_64: &[(&str, &[i64])] = &[
    (
        "attributes-denied",
        &[
            libc::SYS_chmod,
            libc::SYS_chown,
            libc::SYS_lchown,
            libc::SYS_utime,
            libc::SYS_utimes,
            libc::SYS_futimesat,
            libc::SYS_mknod,
            libc::SYS_link,
            libc::SYS_symlink,
        ],
    ),
    (
        "privileged-calls-denied",
        &[
            libc::SYS_iopl,
            libc::SYS_ioperm,
            libc::SYS_modify_ldt,
            libc::SYS_kexec_file_load,
            libc::SYS_uselib,
            libc::SYS_ustat,
            libc::SYS_sysfs,
            libc::SYS_inotify_init,
        ],
    ),
];

#[cfg(not(target_arch = "x86_64"))]
pub(crate) const REFUSED_X86_64: &[(&str, &[i64])] = &[];

/// Refused calls that the warm interpreter makes for each child, or a child before it is confined: namespaces and their
/// mounts, a handle on the child, the owner of its work directory.
pub(crate) const PREPARATION: &[i64] = &[
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pidfd_open,
    libc::SYS_fchownat,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
];

/// Reading extended attributes.
pub(crate) const EXTENDED_ATTRIBUTES: &[i64] = &[
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
];

pub(crate) const F_SETOWN_EX: i32 = 15;
pub(crate) const F_SET_RW_HINT: i32 = 1036;
pub(crate) const F_SET_FILE_RW_HINT: i32 = 1038;
pub(crate) const F_SETDELEG: i32 = 1040;

/// The requests of `ioctl` that programs and the interpreter make: is this a terminal (in two forms), its size and group, how
/// much waits to be read or sent, blocking or not, closed on execution or not.
pub(crate) const CONTROLS: &[u64] =
    &[0x5401, 0x802c_542a, 0x5413, 0x540f, 0x541b, 0x5411, 0x5421, 0x5450, 0x5451];
