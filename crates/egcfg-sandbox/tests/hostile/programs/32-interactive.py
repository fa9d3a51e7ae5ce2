#| title: a prompt, a debugger, a terminal
#| verdict: exception (*) | exited early (*)
#| stops: closed-stdin
import code, pdb, sys

def f(x):
    code.interact(local={})
    open("/dev/tty")
