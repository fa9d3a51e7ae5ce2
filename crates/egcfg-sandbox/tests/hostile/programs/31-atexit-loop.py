#| title: a loop in atexit
#| verdict: passed
#| stops: pidfd-kill
import atexit

def spin():
    while True:
        pass

atexit.register(spin)

def f(x):
    return 2
