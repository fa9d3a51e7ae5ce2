#| title: os._exit(0) when the answer goes
#| verdict: exited early (code 0) | wrong answer
#| stops: comparer
import os

class D(int):
    def __del__(self):
        os._exit(0)

def f(x):
    return D(2)
