#| title: wakes up again and again
#| verdict: timeout (idle) | timeout (wall)
#| stops: clocks
import time

def f(x):
    while True:
        time.sleep(0.02)
