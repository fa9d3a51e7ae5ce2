#| title: calls that take what the whole machine has
#| verdict: passed
#| test: assert f(1) == []
#| needs: privileged-calls-denied
#| stops: privileged-calls-denied
import ctypes, errno, os, platform

libc = ctypes.CDLL(None, use_errno=True)
X86 = {"sync": 162, "syncfs": 306, "io_setup": 206, "io_submit": 209}
ANY = {"landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446}

def f(x):
    reached = []
    for name, number in dict(ANY, **(X86 if platform.machine() == "x86_64" else {})).items():
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            reached.append(name)
    os.sync()
    return reached
