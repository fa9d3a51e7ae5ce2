#| title: kills itself
#| verdict: killed (signal 9)
#| stops: comparer
import os, signal

def f(x):
    os.kill(os.getpid(), signal.SIGKILL)
    return 2
