#| title: extended attributes of files that it cannot read
#| verdict: passed
#| test: assert f(1) == []
#| needs: attributes-denied
#| stops: attributes-denied
import os, shutil

def f(x):
    read = []
    for path in ("@SENTINELS@/sentinel", "@HOME@/.netrc", "/etc/shadow", "/"):
        try:
            for name in os.listxattr(path):
                read.append((path, name, os.getxattr(path, name)))
        except OSError:
            pass
        try:
            read.append((path, os.getxattr(path, "user.egcfg")))
        except OSError:
            pass
    # What copies files with their attributes finds none, and goes on.
    open("one", "w").close()
    shutil.copyfile("one", "two")
    if "two" not in os.listdir("."):
        read.append("no copy")
    return read
