#| title: calls by number that no program needs
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: privileged-calls-denied, shared-objects-denied
import ctypes, errno, platform

libc = ctypes.CDLL(None, use_errno=True)
X86 = {"process_vm_readv": 310, "process_vm_writev": 311, "add_key": 248, "request_key": 249, "keyctl": 250,
       "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "name_to_handle_at": 303, "open_by_handle_at": 304,
       "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "iopl": 172, "modify_ldt": 154, "personality": 135,
       "ptrace": 101, "syslog": 103, "quotactl": 179, "fanotify_init": 300}
ANY = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438, "fsopen": 430,
       "fsmount": 432, "move_mount": 429, "process_madvise": 440, "memfd_secret": 447, "mount_setattr": 442}

def f(x):
    numbers = dict(ANY, **(X86 if platform.machine() == "x86_64" else {}))
    reached = []
    for name, number in sorted(numbers.items()):
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            reached.append(name)
    return reached
