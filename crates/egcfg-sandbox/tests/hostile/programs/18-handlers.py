#| title: handlers that raise, and a loop that catches
#| verdict: timeout (cpu)
#| stops: clocks
import signal

def handler(*args):
    raise KeyboardInterrupt

for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM, signal.SIGINT):
    signal.signal(number, handler)

def f(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
