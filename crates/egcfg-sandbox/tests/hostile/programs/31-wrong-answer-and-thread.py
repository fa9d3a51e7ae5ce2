#| title: a thread that never ends, and a wrong answer
#| verdict: wrong answer
#| stops: pidfd-kill
import threading, time

def f(x):
    threading.Thread(target=time.sleep, args=(1000,)).start()
    return 3
