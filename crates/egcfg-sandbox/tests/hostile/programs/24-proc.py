#| title: what /proc says of other processes
#| verdict: passed
#| test: assert f(1) == []
#| needs: landlock
#| stops: landlock
import os

def f(x):
    read = []
    for pid in ("self", os.getppid(), @SUPERVISOR@, 1, "thread-self"):
        for name in ("environ", "mem", "maps", "cmdline", "root", "cwd", "fd", "status"):
            path = "/proc/%s/%s" % (pid, name)
            if name == "cwd" and pid in ("self", "thread-self"):
                continue
            try:
                read.append((path, os.listdir(path) if name in ("root", "cwd", "fd") else open(path, "rb").read(100)))
            except OSError:
                pass
    return read
