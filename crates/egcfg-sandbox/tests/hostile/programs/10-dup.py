#| title: duplicates a descriptor
#| verdict: exception (OSError)
#| stops: rlimits
import os

def f(x):
    while True:
        os.dup(1)
