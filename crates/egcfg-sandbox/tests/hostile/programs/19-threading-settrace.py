#| title: a tracer of its own, in threads and here
#| traced: 2000
#| verdict: passed
#| stops: comparer
import sys, threading

def tracer(*args):
    return tracer

def f(x):
    threading.settrace(tracer)
    sys.setprofile(lambda *a: None)
    sys.settrace(tracer)
    return x + 1
