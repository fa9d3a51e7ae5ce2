#| title: makes itself readable, loses its parent-death signal, adopts orphans
#| verdict: passed
#| test: assert f(1) == []
#| needs: seccomp
#| stops: parent-death
import ctypes

libc = ctypes.CDLL(None, use_errno=True)

def f(x):
    done = []
    for name, args in (("PDEATHSIG", (1, 0)), ("DUMPABLE", (4, 1)), ("SUBREAPER", (36, 1)), ("MM", (35, 1, 0))):
        if libc.prctl(*args, 0, 0, 0) >= 0:
            done.append(name)
    value = ctypes.c_int()
    libc.prctl(2, ctypes.byref(value), 0, 0, 0)
    if value.value != 9:
        done.append("no signal")
    return done
