#| title: fchmodat2, setxattrat and other young calls
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: attributes-denied
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
P = b"@SENTINELS@/sentinel"
D = b"@SENTINELS@"

def f(x):
    done = []
    # The numbers from 424 on are the same on all architectures.
    buffer = ctypes.create_string_buffer(64)
    for name, number, args in (
        ("fchmodat2", 452, (-100, P, 0o600, 0)), ("setxattrat", 463, (-100, P, 0, b"user.x", buffer, 16)),
        ("file_setattr", 469, (-100, P, buffer, 24, 0)), ("open_tree", 428, (-100, D, 1)),
        ("mount_setattr", 442, (-100, D, 0, buffer, 32)), ("quotactl_fd", 443, (0, 0, 0, 0)),
    ):
        if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args]) >= 0:
            done.append(name)
    return done
