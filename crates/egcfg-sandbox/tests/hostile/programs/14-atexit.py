#| title: atexit and an exception
#| verdict: exited early (code 0) | exception (*)
#| stops: comparer
import atexit, os, sys
atexit.register(os._exit, 0)

def f(x):
    atexit._run_exitfuncs()
    return 3
