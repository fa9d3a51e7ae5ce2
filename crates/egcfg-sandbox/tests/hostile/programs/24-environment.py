#| title: environment variables
#| verdict: passed
#| test: assert f(1) == []
#| stops: environment
import os

def f(x):
    return sorted(name for name in os.environ if name.endswith("TOKEN") or "SECRET" in name or "KEY" in name)
