#| title: forks for ever
#| verdict: process limit | timeout (cpu)
#| stops: fork-denied
import os

def f(x):
    while True:
        os.fork()
