#| title: memory in files that have no name
#| verdict: exception (PermissionError)
#| stops: uncounted-memory-denied
import os

def f(x):
    while True:
        fd = os.memfd_create("hoard")
        os.write(fd, bytes(1 << 20))
