#| title: a daemon that holds standard output open
#| verdict: process limit
#| stops: fork-denied
import os, time

def f(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return 2
