#| title: exit of the C library
#| verdict: exited early (code 0)
#| stops: comparer
import ctypes

def f(x):
    ctypes.CDLL(None).exit(0)
