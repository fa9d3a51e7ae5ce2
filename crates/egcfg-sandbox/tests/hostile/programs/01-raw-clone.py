#| title: clone, clone3, fork and vfork by number
#| verdict: passed
#| stops: fork-denied
#| test: assert f(1) == []
import ctypes, errno, os, platform

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": {"clone": 56, "fork": 57, "vfork": 58, "clone3": 435}, "aarch64": {"clone": 220, "clone3": 435}}
MAIN = os.getpid()

def f(x):
    made = []
    for name, number in NUMBERS.get(platform.machine(), {}).items():
        if libc.syscall(ctypes.c_long(number), ctypes.c_long(17 if name == "clone" else 0), 0, 0, 0, 0) >= 0:
            if os.getpid() != MAIN:
                os._exit(0)
            made.append(name)
    return made
