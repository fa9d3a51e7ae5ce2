#| title: stops itself
#| verdict: timeout (idle)
#| stops: clocks
import os, signal

def f(x):
    os.kill(os.getpid(), signal.SIGSTOP)
    return 2
