#| title: setuid programs
#| verdict: passed
#| test: assert f(1) == []
#| needs: exec-denied
#| stops: exec-denied, no-new-privs
import os

def f(x):
    done = []
    for path in ("/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/bin/true"):
        try:
            os.execv(path, [path, "--version"])
        except OSError:
            pass
    for attempt in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0])):
        try:
            attempt()
            if 0 in os.getresuid() + os.getresgid() or 0 in os.getgroups():
                done.append("root")
        except OSError:
            pass
    return done
