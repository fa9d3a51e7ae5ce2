#| title: looks for a message in the flags of its standard input
#| verdict: passed
#| test: assert f(1) == (0, 0)
#| stops: descriptors
import fcntl, os

def f(x):
    return fcntl.fcntl(0, fcntl.F_GETFL) & (os.O_APPEND | os.O_NONBLOCK), fcntl.fcntl(0, fcntl.F_GETSIG)
