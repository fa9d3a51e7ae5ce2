#| title: every module replaced by None
#| verdict: wrong answer
#| stops: comparer
import sys
for name in list(sys.modules):
    if name not in ("sys", "builtins"):
        sys.modules[name] = None

def f(x):
    return 3
