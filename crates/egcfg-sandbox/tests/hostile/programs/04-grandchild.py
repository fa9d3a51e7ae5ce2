#| title: a grandchild takes the memory
#| verdict: process limit | memory exceeded
#| stops: fork-denied
import os

def f(x):
    if os.fork() == 0:
        if os.fork() == 0:
            kept = [bytearray(b"x" * (1 << 20)) for _ in range(4000)]
        os._exit(0)
    os.wait()
    return 2
