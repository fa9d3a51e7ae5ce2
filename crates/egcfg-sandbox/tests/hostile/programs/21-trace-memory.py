#| title: writes a trace of its own into the shared memory
#| traced: 2000
#| verdict: wrong answer | exited early (*) | forged | exception (*) | killed (*)
#| stops: trace-checks
import mmap, os

def f(x):
    size = os.fstat(4).st_size
    shared = mmap.mmap(4, size)
    shared[:size] = b"\xff" * size
    shared[8:40] = b'["T",1,"x","3",' + b"[" * 17
    return 3
