#| title: a regular expression that backtracks for ever
#| verdict: timeout (cpu)
#| stops: clocks
import re

def f(x):
    return re.match("(a+)+$", "a" * 64 + "b")
