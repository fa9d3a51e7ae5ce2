#| title: threads for ever
#| verdict: process limit | memory exceeded | exception (RuntimeError)
#| stops: rlimits
import threading

def f(x):
    stop = threading.Event()
    while True:
        threading.Thread(target=stop.wait, daemon=True).start()
