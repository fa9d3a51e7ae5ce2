#| title: threads take the memory
#| verdict: memory exceeded | timeout (*) | wrong answer | process limit
#| stops: rlimits
import threading

def take():
    kept = []
    while True:
        kept.append(bytearray(b"x" * (1 << 22)))

def f(x):
    threads = [threading.Thread(target=take, daemon=True) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    raise MemoryError
