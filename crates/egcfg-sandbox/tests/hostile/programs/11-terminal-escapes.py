#| title: terminal escapes, in what it prints and in what it raises
#| verdict: exception (ValueError)
#| stops: clean-text
import sys

def f(x):
    print("\x1b]0;owned\x07\x1b[2J\x1b[31m", file=sys.stderr)
    print("\x1b]52;c;b3duZWQ=\x07")
    raise ValueError("\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e")
