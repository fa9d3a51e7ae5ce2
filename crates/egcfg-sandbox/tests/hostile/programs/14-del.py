#| title: os._exit(0) when an object goes
#| verdict: exited early (code 0)
#| stops: comparer
import os

class D:
    def __del__(self):
        os._exit(0)

def f(x):
    d = D()
    del d
    return 3
