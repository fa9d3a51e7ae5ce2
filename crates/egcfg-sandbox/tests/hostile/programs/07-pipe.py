#| title: reads a pipe that nobody writes to
#| verdict: timeout (idle)
#| stops: clocks
import os

def f(x):
    reader, writer = os.pipe()
    return os.read(reader, 1)
