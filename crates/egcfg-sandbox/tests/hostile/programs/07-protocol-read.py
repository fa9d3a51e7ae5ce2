#| title: steals bytes from the harness's own channel
#| verdict: timeout (idle) | timeout (wall) | forged | exited early (*)
#| stops: clocks
import os

def f(x):
    return os.read(3, 1 << 16)
