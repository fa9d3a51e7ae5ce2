#| title: signals by calls that few know
#| verdict: passed
#| needs: signals-denied
#| stops: signals-denied
#| test: assert f(1) == []
import ctypes, fcntl, os, platform, socket

libc = ctypes.CDLL(None, use_errno=True)
TABLE = {
    "x86_64": {"tkill": (200, 0), "tgkill": (234, 1), "rt_sigqueueinfo": (129, 0), "rt_tgsigqueueinfo": (297, 1), "pidfd_open": (434, 0), "pidfd_send_signal": (424, 0)},
    "aarch64": {"tkill": (130, 0), "tgkill": (131, 1), "rt_sigqueueinfo": (138, 0), "rt_tgsigqueueinfo": (240, 1), "pidfd_open": (434, 0), "pidfd_send_signal": (424, 0)},
}

def f(x):
    done = []
    parent = os.getppid()
    info = ctypes.create_string_buffer(128)
    for name, (number, twice) in TABLE.get(platform.machine(), {}).items():
        args = [parent, parent, 19] if twice else [parent, 19]
        if name == "pidfd_open":
            args = [parent, 0]
        if libc.syscall(ctypes.c_long(number), *args, info, 0, 0) >= 0:
            done.append(name)
    pair = socket.socketpair()
    try:
        fcntl.fcntl(pair[0], fcntl.F_SETOWN, parent)
        done.append("F_SETOWN")
    except OSError:
        pass
    return done
