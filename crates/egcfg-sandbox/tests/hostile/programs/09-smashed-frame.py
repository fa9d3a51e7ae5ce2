#| title: writes over its own objects
#| verdict: killed (signal 11) | killed (signal 6) | killed (signal 7) | wrong answer | forged | exception (*) | exited early (*) | timeout (*)
#| stops: separate-process
import ctypes

def f(x):
    ctypes.memset(id(f), 0x41, 4096)
    return f
