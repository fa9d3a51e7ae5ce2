#| title: times by way of an open descriptor and of the working directory
#| verdict: passed
#| test: assert f(1) == []
#| stops: attributes-denied, landlock
import os

def f(x):
    done = []
    for flags in (os.O_RDONLY, os.O_PATH, os.O_WRONLY, os.O_RDONLY | os.O_NOFOLLOW):
        try:
            fd = os.open("@SENTINELS@/sentinel", flags)
        except OSError:
            continue
        for name, attempt in (
            ("utime", lambda: os.utime(fd, (0, 0))), ("chmod", lambda: os.chmod("/proc/self/fd/%d" % fd, 0)),
            ("fchmod", lambda: os.fchmod(fd, 0)), ("truncate", lambda: os.ftruncate(fd, 0)),
            ("reopen", lambda: open("/proc/self/fd/%d" % fd, "w")),
        ):
            try:
                attempt()
                done.append(name)
            except OSError:
                pass
    return done
