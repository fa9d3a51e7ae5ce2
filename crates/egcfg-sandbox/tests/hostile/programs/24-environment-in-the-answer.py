#| title: the whole environment as its answer
#| verdict: wrong answer
#| stops: environment
import ctypes, os

def f(x):
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    return [dict(os.environ), str(libc.getenv(b"HF_TOKEN")), str(libc.getenv(b"EGCFG_HOSTILE_TOKEN"))]
