#| title: leaves a message wherever it can
#| verdict: passed
#| then: 29-read
#| stops: landlock, shared-objects-denied, network-denied
import os

def f(x):
    for place in ("/dev/shm", "/tmp", "/var/tmp", "/run/lock", ".."):
        try:
            open(place + "/@MARK@", "w").write("hello")
        except OSError:
            pass
    open("@MARK@", "w").write("hello")
    return 2
