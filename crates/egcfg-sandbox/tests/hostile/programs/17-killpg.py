#| title: signals to the process group
#| verdict: passed
#| needs: signals-denied
#| stops: signals-denied
#| test: assert f(1) == []
import os, signal

def f(x):
    sent = []
    for group in (0, os.getpgrp(), os.getppid(), 1):
        try:
            os.killpg(group, signal.SIGTERM)
            sent.append(group)
        except OSError:
            pass
    return sent
