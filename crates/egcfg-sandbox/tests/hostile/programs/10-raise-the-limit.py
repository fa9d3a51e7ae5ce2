#| title: raises its limit first
#| verdict: exception (ValueError) | exception (PermissionError) | exception (OSError)
#| stops: rlimits
import os, resource

def f(x):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
    while True:
        os.dup(1)
