#| title: every other place where files could be left
#| verdict: passed
#| stops: landlock
#| test: assert f(1) == []
import os

PLACES = ["/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/run", "/var/lock", "/", "/root", "/home", "@SENTINELS@", ".."]

def f(x):
    made = []
    for place in PLACES:
        path = os.path.join(place, "@MARK@")
        for make in (lambda: open(path, "w").close(), lambda: os.mkdir(path), lambda: os.mkfifo(path)):
            try:
                make()
                made.append(path)
            except OSError:
                pass
    return made
