#| title: room set aside for a terabyte
#| verdict: exception (OSError)
#| stops: rlimits
import os

def f(x):
    fd = os.open("set-aside", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 1 << 40)
    return 2
