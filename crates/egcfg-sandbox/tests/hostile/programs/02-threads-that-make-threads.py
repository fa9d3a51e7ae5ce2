#| title: each thread starts two
#| verdict: timeout (idle) | timeout (cpu) | timeout (wall) | process limit | memory exceeded | killed (*) | exception (*)
#| stops: rlimits, clocks
import _thread, time

def grow():
    for _ in range(2):
        try:
            _thread.start_new_thread(grow, ())
        except RuntimeError:
            pass
    time.sleep(60)

def f(x):
    grow()
    return 2
