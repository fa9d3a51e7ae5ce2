#| title: timers off, faulthandler on
#| traced: 2000
#| verdict: passed
#| stops: clocks
import faulthandler, signal

def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.alarm(0)
    faulthandler.enable()
    faulthandler.dump_traceback_later(0.05, exit=True)
    return x + 1
