#| title: calls of the x32 interface
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: seccomp
import ctypes, platform

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    if platform.machine() != "x86_64":
        return []
    return [n for n in (39, 41, 57, 520, 521) if libc.syscall(ctypes.c_long(0x40000000 | n), 1, 1, 0) >= 0]
