#| title: the dynamic loader as a program
#| verdict: passed
#| test: assert f(1) == []
#| needs: exec-denied
#| stops: exec-denied, landlock
import glob, os

def f(x):
    done = []
    for loader in glob.glob("/lib*/ld-linux*") + glob.glob("/lib/*/ld-linux*"):
        try:
            os.execv(loader, [loader, "/bin/true"])
        except OSError:
            continue
        done.append(loader)
    return done
