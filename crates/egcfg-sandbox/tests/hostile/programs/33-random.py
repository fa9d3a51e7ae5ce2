#| title: random numbers without a seed
#| verdict: passed | wrong answer
#| again: same
#| stops: fixed-seeds
import random

def f(x):
    return random.randrange(2, 4)
