#| title: forks for ever and takes no refusal for an answer
#| verdict: timeout (cpu) | timeout (wall)
#| stops: fork-denied, clocks
import os

def f(x):
    while True:
        try:
            os.fork()
        except OSError:
            pass
