#| title: huge pages of which a small one stays mapped
#| verdict: passed
#| test: assert f(1) == []
#| needs: uncounted-memory-denied
#| stops: uncounted-memory-denied
import ctypes, mmap

libc = ctypes.CDLL(None, use_errno=True)
DISABLE, ASK = 41, 42

def f(x):
    got = []
    if libc.prctl(ASK, 0, 0, 0, 0) != 1:
        got.append("there are huge pages")
    if libc.prctl(DISABLE, 0, 0, 0, 0) == 0 or libc.prctl(ASK, 0, 0, 0, 0) != 1:
        got.append("they can be had back")
    return got
