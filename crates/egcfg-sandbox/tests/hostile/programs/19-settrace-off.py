#| title: switches sys.settrace off
#| traced: 2000
#| verdict: passed
#| backend: settrace
#| cut: disabled
#| stops: comparer
import sys

def f(x):
    sys.settrace(None)
    y = x + 1
    return y
