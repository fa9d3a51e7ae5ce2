#| title: blocks every signal and waits
#| verdict: timeout (idle)
#| stops: clocks
import signal

def f(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    signal.pause()
