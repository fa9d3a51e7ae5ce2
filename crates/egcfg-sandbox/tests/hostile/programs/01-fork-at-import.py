#| title: forks while it is loaded
#| verdict: process limit
#| stops: fork-denied
import os
for _ in range(1000):
    os.fork()

def f(x):
    return 2
