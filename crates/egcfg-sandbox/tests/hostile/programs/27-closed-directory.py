#| title: a directory that may not be entered, with a file in it
#| verdict: passed
#| stops: clean-up
import os
old = os.umask(0o777)
os.mkdir("closed")
os.mkdir("closed-too", 0)
os.umask(old)

def f(x):
    return 2
