#| title: an answer by the kernel's dice
#| verdict: passed | wrong answer
#| again: any
#| stops: nothing
import os

def f(x):
    return 2 + os.urandom(1)[0] % 2
