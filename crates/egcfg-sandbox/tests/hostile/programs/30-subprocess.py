#| title: a shell, a compiler, another Python
#| verdict: passed
#| test: assert f(1) == []
#| needs: exec-denied
#| stops: fork-denied, exec-denied
import os, subprocess, sys

def f(x):
    done = []
    for command in (["/bin/sh", "-c", "echo x > made"], ["cc", "--version"], [sys.executable, "-c", "pass"], ["/bin/true"]):
        try:
            subprocess.run(command, timeout=1)
            done.append(command[0])
        except (OSError, subprocess.SubprocessError):
            pass
    return done + os.listdir(".")
