#| title: signals to the warm interpreter that forked it
#| verdict: passed
#| test: assert f(1) == []
#| needs: signals-denied
#| stops: signals-denied
import os, signal

def f(x):
    done = []
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT, signal.SIGKILL):
        try:
            os.kill(os.getppid(), number)
            done.append(number)
        except OSError:
            pass
    return done
