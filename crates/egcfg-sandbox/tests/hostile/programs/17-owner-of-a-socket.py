#| title: makes another process the owner of a socket, which gets its signals
#| verdict: passed
#| test: assert f(1) == []
#| needs: signals-denied
#| stops: seccomp, signals-denied
import fcntl, os, socket, struct

def f(x):
    left, right = socket.socketpair()
    done = []
    for name, request in (("FIOSETOWN", 0x8901), ("SIOCSPGRP", 0x8902)):
        for pid in (os.getppid(), -os.getppid(), 1, @SUPERVISOR@):
            try:
                fcntl.ioctl(left, request, struct.pack("i", pid))
                done.append((name, pid))
            except OSError:
                pass
    try:
        fcntl.fcntl(left, fcntl.F_SETOWN, os.getppid())
        done.append("F_SETOWN")
    except OSError:
        pass
    return done
