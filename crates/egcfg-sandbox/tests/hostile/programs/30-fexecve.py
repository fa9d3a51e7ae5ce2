#| title: runs a file through its descriptor
#| verdict: passed
#| test: assert f(1) == []
#| needs: exec-denied
#| stops: exec-denied
import os

def f(x):
    done = []
    for path in ("/bin/true", os.__file__):
        try:
            fd = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            os.execve(fd, ["true"], {})
        except OSError:
            pass
        else:
            done.append(path)
    return done
