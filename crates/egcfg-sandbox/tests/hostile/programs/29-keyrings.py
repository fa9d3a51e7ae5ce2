#| title: keyrings and POSIX queues
#| verdict: passed
#| test: assert f(1) == []
#| needs: shared-objects-denied
#| stops: shared-objects-denied
import ctypes, platform

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": (248, 249, 250, 240), "aarch64": (217, 218, 219, 180)}

def f(x):
    add, request, keyctl, queue = NUMBERS.get(platform.machine(), (-1, -1, -1, -1))
    done = []
    for ring in (-1, -2, -3, -4, -5):
        if libc.syscall(ctypes.c_long(add), b"user", b"@MARK@", b"hello", 5, ring) >= 0:
            done.append("add_key")
    if libc.syscall(ctypes.c_long(request), b"user", b"@MARK@", 0, -3) >= 0:
        done.append("request_key")
    if libc.syscall(ctypes.c_long(keyctl), 0, -3, 1) >= 0:
        done.append("keyctl")
    if libc.syscall(ctypes.c_long(queue), b"@MARK@", 0o102, 0o666, 0) >= 0:
        done.append("mq_open")
    return done
