#| title: sleeps
#| verdict: timeout (idle)
#| stops: clocks
import time

def f(x):
    time.sleep(1e6)
