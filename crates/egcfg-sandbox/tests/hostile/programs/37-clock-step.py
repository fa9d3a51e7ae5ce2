#| title: sets the clock
#| verdict: passed
#| test: assert f(1) == []
#| stops: privileged-calls-denied
import ctypes, time

def f(x):
    done = []
    for clock in (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC):
        try:
            time.clock_settime(clock, 0)
            done.append(clock)
        except OSError:
            pass
    if ctypes.CDLL(None).settimeofday(ctypes.create_string_buffer(16), None) == 0:
        done.append("settimeofday")
    return done
