#| title: calls itself with the limit raised
#| verdict: exception (RecursionError) | killed (signal 11) | memory exceeded | timeout (*)
#| stops: rlimits
import sys
sys.setrecursionlimit(10**9)

def f(x):
    return f(x)
