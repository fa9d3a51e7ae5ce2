#| title: exit_group by its number
#| verdict: exited early (code 0)
#| stops: comparer
import ctypes, platform

def f(x):
    number = {"x86_64": 231, "aarch64": 94}[platform.machine()]
    ctypes.CDLL(None).syscall(ctypes.c_long(number), 0)
