#| title: honest: makes and removes directories all the time
#| verdict: passed
#| stops: nothing
import os, time

def f(x):
    until = time.process_time() + 0.3
    while time.process_time() < until:
        os.mkdir("here")
        open("here/file", "w").close()
        os.unlink("here/file")
        os.rmdir("here")
    return 2
