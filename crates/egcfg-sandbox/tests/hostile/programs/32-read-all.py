#| title: reads all of standard input
#| verdict: passed
#| stops: closed-stdin
import os, sys

def f(x):
    return len(sys.stdin.read()) + len(os.read(0, 100)) + 2
