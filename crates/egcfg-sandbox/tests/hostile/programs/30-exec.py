#| title: becomes another program
#| verdict: exception (PermissionError)
#| needs: exec-denied
#| stops: exec-denied
import os, sys

def f(x):
    os.execv(sys.executable, [sys.executable, "-c", "import os; os.write(1, b'passed')"])
