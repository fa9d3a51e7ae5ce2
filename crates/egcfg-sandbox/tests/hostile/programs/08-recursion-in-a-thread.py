#| title: recursion on the small stack of a thread
#| verdict: killed (signal 11) | wrong answer | memory exceeded | timeout (*) | exception (*)
#| stops: rlimits
import sys, threading
sys.setrecursionlimit(10**9)
threading.stack_size(65536)

def deep():
    deep()

def f(x):
    thread = threading.Thread(target=deep)
    thread.start()
    thread.join()
    raise RecursionError
