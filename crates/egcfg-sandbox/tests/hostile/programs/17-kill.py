#| title: signals to everybody who matters
#| verdict: passed
#| needs: signals-denied
#| stops: signals-denied
#| test: assert f(1) == []
import os, signal

def f(x):
    sent = []
    for pid in (os.getppid(), 1, @SUPERVISOR@, -1, -os.getppid()):
        for number in (0, signal.SIGSTOP, signal.SIGKILL):
            try:
                os.kill(pid, number)
                sent.append((pid, number))
            except OSError:
                pass
    return sent
