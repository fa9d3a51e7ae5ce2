#| title: answers larger and faster than anybody reads
#| verdict: forged | wrong answer | timeout (*) | output exceeded | exited early (*)
#| stops: message-limit
import os, struct

def f(x):
    os.set_blocking(3, True)
    while True:
        os.write(3, struct.pack("<I", 1 << 30) + b"x" * 65536)
