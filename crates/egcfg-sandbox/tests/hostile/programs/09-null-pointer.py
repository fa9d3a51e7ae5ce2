#| title: reads address zero
#| verdict: killed (signal 11)
#| stops: separate-process
import ctypes

def f(x):
    ctypes.string_at(0)
