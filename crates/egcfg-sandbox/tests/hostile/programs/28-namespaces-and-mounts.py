#| title: namespaces, mounts, chroot
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: privileged-calls-denied
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    done = []
    for name, args in (
        ("unshare", (0x10000000,)), ("unshare", (0x00020000,)), ("unshare", (0x20000000,)), ("setns", (3, 0)),
        ("mount", (b"none", b".", b"tmpfs", 0, 0)), ("umount2", (b"/proc", 2)), ("chroot", (b".",)),
        ("pivot_root", (b".", b".")), ("swapoff", (b"x",)), ("sethostname", (b"x", 1)),
    ):
        if getattr(libc, name, lambda *a: -1)(*args) == 0:
            done.append(name)
    return done
