#| title: takes the tracer out of each frame
#| traced: 2000
#| verdict: wrong answer
#| stops: comparer
import sys

def f(x):
    frame = sys._getframe()
    while frame:
        frame.f_trace = None
        frame.f_trace_lines = False
        frame = frame.f_back
    return x + 2
