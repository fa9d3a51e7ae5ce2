#| title: recursion through C
#| verdict: exception (RecursionError) | killed (signal 11) | memory exceeded | timeout (*)
#| stops: rlimits
import sys
sys.setrecursionlimit(10**9)

class R:
    def __repr__(self):
        return repr([self])

def f(x):
    return repr(R())
