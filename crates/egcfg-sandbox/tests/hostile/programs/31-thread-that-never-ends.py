#| title: a thread that never ends, and an answer
#| verdict: passed
#| stops: pidfd-kill
import threading

def spin():
    while True:
        pass

def f(x):
    threading.Thread(target=spin).start()
    return 2
