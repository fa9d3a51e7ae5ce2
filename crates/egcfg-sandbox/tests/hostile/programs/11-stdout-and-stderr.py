#| title: floods both at once
#| verdict: output exceeded
#| stops: output-limit
import os, threading

def flood(fd):
    while True:
        os.write(fd, b"y" * 65536)

def f(x):
    threading.Thread(target=flood, args=(1,), daemon=True).start()
    flood(2)
