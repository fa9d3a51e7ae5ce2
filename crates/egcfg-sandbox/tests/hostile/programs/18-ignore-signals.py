#| title: ignores what can be ignored and loops
#| verdict: timeout (cpu)
#| stops: clocks
import signal
for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)

def f(x):
    while True:
        pass
