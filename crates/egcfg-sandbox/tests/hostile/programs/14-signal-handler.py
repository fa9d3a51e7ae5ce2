#| title: os._exit(0) in a signal handler
#| verdict: exited early (code 0)
#| stops: comparer
import os, signal
signal.signal(signal.SIGALRM, lambda *a: os._exit(0))

def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    signal.pause()
    return 3
