#| title: opens its descriptors anew through /proc
#| verdict: passed
#| needs: landlock
#| stops: landlock
#| test: assert f(1) == []
import os

def f(x):
    opened = []
    for fd in range(3, 64):
        for place in ("/proc/self/fd/%d", "/dev/fd/%d"):
            try:
                new = os.open(place % fd, os.O_RDWR)
                # The memory for a trace is its own.
                if os.fstat(new).st_ino != os.fstat(4).st_ino:
                    opened.append(fd)
                os.close(new)
            except OSError:
                pass
    return opened
