#| title: the parent exits, the child goes on
#| verdict: process limit
#| stops: fork-denied
import os, time

def f(x):
    if os.fork():
        os._exit(0)
    time.sleep(30)
    print("still here")
    return 2
