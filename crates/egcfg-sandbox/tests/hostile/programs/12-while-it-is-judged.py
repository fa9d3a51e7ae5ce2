#| title: fills the disk while its answer is compared
#| verdict: output exceeded
#| test: assert len({(x,) * 3 for x in f(1)}) == 6000
#| stops: disk-limit
import os, threading, time

def fill():
    time.sleep(0.05)
    for number in range(12):
        with open(str(number), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 8 << 20)

def f(x):
    # Numbers of one hash: a set of them takes its time.
    threading.Thread(target=fill).start()
    return [number * ((1 << 61) - 1) + 5 for number in range(6000)]
