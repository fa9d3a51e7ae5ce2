#| title: waits for its own lock, at import
#| verdict: timeout (idle)
#| stops: clocks
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire()
