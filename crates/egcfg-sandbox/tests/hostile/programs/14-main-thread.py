#| title: os._exit(0) in the function
#| verdict: exited early (code 0)
#| stops: comparer
import os

def f(x):
    os._exit(0)
