#| title: aborts
#| verdict: killed (signal 6)
#| stops: separate-process
import os

def f(x):
    os.abort()
