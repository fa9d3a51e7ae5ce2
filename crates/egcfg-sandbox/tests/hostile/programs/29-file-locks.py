#| title: locks on a library file that all programs may read
#| verdict: passed
#| test: assert f(1) == []
#| needs: shared-objects-denied
#| stops: shared-objects-denied
import ctypes, fcntl, os, struct

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    done = []
    with open(os.__file__, "rb") as file:
        for name, attempt in (
            ("flock", lambda: fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)),
            ("lockf", lambda: fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)),
            ("ofd", lambda: fcntl.fcntl(file, 37, struct.pack("hhqqi", 0, 0, 0, 0, 0) + bytes(16))),
            ("lease", lambda: fcntl.fcntl(file, 1024, 0)),
            ("notify", lambda: fcntl.fcntl(file, 1026, 1)),
        ):
            try:
                attempt()
                done.append(name)
            except OSError:
                pass
    return done
