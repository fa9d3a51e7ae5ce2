#| title: closes every descriptor that it has
#| verdict: exited early (code 0) | exited early (code 71) | exited early (*)
#| stops: separate-process
import os

def f(x):
    os.closerange(0, 256)
    return 2
