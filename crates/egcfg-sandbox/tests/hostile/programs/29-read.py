#| title: looks for the message
#| verdict: passed
#| test: assert f(1) == []
#| stops: landlock, shared-objects-denied, network-denied
import os

def f(x):
    found = []
    for place in (".", "/dev/shm", "/tmp", "/var/tmp", "/run/lock", ".."):
        try:
            found.append(open(place + "/@MARK@").read())
        except OSError:
            pass
    return found
