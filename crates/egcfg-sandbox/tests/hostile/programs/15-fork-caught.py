#| title: the same, refusals caught
#| verdict: exited early (code 0)
#| stops: fork-denied
import os, time

def f(x):
    try:
        pid = os.fork()
    except OSError:
        pid = 1
    if pid:
        os._exit(0)
    time.sleep(30)
    return 2
