#| title: puts another socket in the place of the harness's
#| verdict: exited early (*) | timeout (*) | forged | killed (*)
#| stops: nonce
import os, socket

left, right = socket.socketpair()
os.dup2(left.fileno(), 3)

def f(x):
    return 2
