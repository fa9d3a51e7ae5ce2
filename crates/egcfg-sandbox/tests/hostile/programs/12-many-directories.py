#| title: directories inside directories without end
#| verdict: output exceeded
#| stops: disk-limit
import os

def f(x):
    while True:
        os.mkdir("d")
        os.chdir("d")
