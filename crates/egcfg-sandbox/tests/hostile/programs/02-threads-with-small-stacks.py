#| title: threads whose stacks take no room
#| verdict: process limit | memory exceeded | exception (RuntimeError)
#| stops: rlimits
import threading
threading.stack_size(32768)

def f(x):
    stop = threading.Event()
    while True:
        threading.Thread(target=stop.wait, daemon=True).start()
