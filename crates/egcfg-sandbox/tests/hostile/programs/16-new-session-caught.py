#| title: the same, refusals caught
#| verdict: timeout (idle)
#| stops: pidfd-kill
import os, time

def f(x):
    for leave in (os.setsid, lambda: os.setpgid(0, 0)):
        try:
            leave()
        except OSError:
            pass
    time.sleep(60)
    return 2
