#| title: cuts the shared memory off under the reader
#| traced: 2000
#| verdict: wrong answer | killed (*) | exception (*) | exited early (*)
#| stops: trace-checks
import os

def f(x):
    for size in (0, 1 << 40, 3):
        try:
            os.ftruncate(4, size)
        except OSError:
            pass
    return 3
