#| title: timers off, then a loop
#| traced: 2000
#| verdict: timeout (cpu) | unfinished
#| cut: time | steps | size
#| stops: clocks
import signal

def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True:
        x += 1
