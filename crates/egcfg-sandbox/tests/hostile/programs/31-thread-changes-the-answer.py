#| title: a thread that changes the answer after it was given
#| verdict: wrong answer | passed
#| test: assert f(1) == [3]
#| stops: canonical-form
import threading, time

kept = [2]

def later():
    time.sleep(0.05)
    kept[0] = 3

def f(x):
    threading.Thread(target=later).start()
    return kept
