#| title: imports from __future__ in their place
#| verdict: passed
#| stops: interpreter
"""Text."""
from __future__ import annotations, division

def f(x: Unknown) -> Nothing:
    return 2
