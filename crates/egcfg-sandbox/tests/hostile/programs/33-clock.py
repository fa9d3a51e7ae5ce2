#| title: an answer that depends on the clock
#| verdict: passed | wrong answer
#| again: any
#| stops: nothing
import time

def f(x):
    return 2 if time.time_ns() // 1000 % 2 else 3
