#| title: which files there are, told by the error alone
#| verdict: passed
#| test: assert f(1) == []
#| stops: landlock
import os

def f(x):
    return [path for path in ("@SENTINELS@/sentinel", "@HOME@/.ssh/id_ed25519") if os.access(path, os.R_OK) and can(path)]

def can(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except OSError:
        return False
