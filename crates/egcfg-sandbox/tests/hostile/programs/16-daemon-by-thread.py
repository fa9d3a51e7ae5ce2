#| title: a daemon thread instead of a process, and an early answer
#| verdict: passed
#| stops: pidfd-kill
import threading, time

def f(x):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 2
