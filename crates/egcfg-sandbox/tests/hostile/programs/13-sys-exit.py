#| title: sys.exit(0) in the function
#| verdict: exited early (code 0)
#| stops: comparer
import sys

def f(x):
    sys.exit(0)
