#| title: many children take a share each
#| verdict: process limit | memory exceeded
#| stops: fork-denied
import os

def f(x):
    for _ in range(20):
        if os.fork() == 0:
            kept = bytearray(b"x" * (100 << 20))
            os._exit(0)
    return 2
