#| title: writes a program into its directory and runs it
#| verdict: exception (PermissionError) | exception (OSError)
#| needs: exec-denied
#| stops: exec-denied, attributes-denied
import os

def f(x):
    fd = os.open("own", os.O_WRONLY | os.O_CREAT, 0o777)
    os.write(fd, b"#!/bin/sh\necho passed\n")
    os.close(fd)
    os.execv("./own", ["own"])
