#| title: System V segments, queues and semaphores
#| verdict: passed
#| test: assert f(1) == []
#| needs: shared-objects-denied
#| stops: shared-objects-denied
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
KEY = 0x65676366

def f(x):
    done = []
    for name, args in (("shmget", (KEY, 4096, 0o1666)), ("msgget", (KEY, 0o1666)), ("semget", (KEY, 1, 0o1666)),
                       ("shmget", (KEY, 0, 0)), ("msgget", (KEY, 0)), ("semget", (KEY, 0, 0))):
        if getattr(libc, name)(*args) >= 0:
            done.append(name)
    return done
