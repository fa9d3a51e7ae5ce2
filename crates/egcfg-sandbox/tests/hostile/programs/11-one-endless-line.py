#| title: one endless line without a line end
#| verdict: output exceeded
#| stops: output-limit
import sys

def f(x):
    while True:
        sys.stdout.write("z" * (1 << 20))
