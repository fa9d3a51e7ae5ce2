#| title: leaves its session and its process group, then sleeps
#| verdict: timeout (idle) | exception (PermissionError)
#| stops: pidfd-kill
import os, time

def f(x):
    os.setsid()
    os.setpgid(0, 0)
    time.sleep(60)
    return 2
