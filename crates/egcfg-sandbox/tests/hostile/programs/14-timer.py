#| title: os._exit(0) in a timer's thread
#| verdict: exited early (code 0)
#| stops: comparer
import os, threading

def f(x):
    threading.Timer(0.02, os._exit, (0,)).start()
    threading.Event().wait(5)
    return 3
