#| title: the recursion limit lowered under the tracer
#| traced: 2000
#| verdict: passed | exception (RecursionError)
#| stops: trace-budget
import sys

def g(n):
    if n:
        return g(n - 1)
    return 0

def f(x):
    frame, depth = sys._getframe(), 0
    while frame:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 25)
    try:
        g(100)
    except RecursionError:
        pass
    sys.setrecursionlimit(1000)
    return x + 1
