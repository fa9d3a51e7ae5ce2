#| title: imports from __future__, one of them too late
#| verdict: syntax error
#| stops: interpreter
x = 1
from __future__ import annotations

def f(x):
    return 2
