#| title: leaves a message in the flags of its standard input
#| verdict: passed
#| then: 29-inherited-null-read
#| stops: descriptors
import fcntl, os

def f(x):
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_APPEND | os.O_NONBLOCK)
    fcntl.fcntl(0, fcntl.F_SETSIG, 42)
    return 2
