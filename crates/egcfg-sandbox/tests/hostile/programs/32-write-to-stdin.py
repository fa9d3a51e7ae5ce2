#| title: writes to standard input
#| verdict: exception (OSError) | exception (UnsupportedOperation) | passed
#| stops: closed-stdin
import os, sys

def f(x):
    sys.stdin.close()
    os.write(0, b"x")
    return 2
