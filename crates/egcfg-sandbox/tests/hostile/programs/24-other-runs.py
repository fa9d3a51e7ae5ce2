#| title: other programs' directories and the harness's lock
#| verdict: passed
#| test: assert f(1) == []
#| needs: landlock
#| stops: landlock, work-directory
import os

def f(x):
    read, up = [], os.path.dirname(os.getcwd())
    for path in (up, os.path.dirname(up)):
        try:
            read.extend(os.listdir(path))
        except OSError:
            pass
    number = os.path.basename(os.getcwd())[1:]
    for other in range(int(number) + 5 if number.isdigit() else 40):
        path = os.path.join(up, "w%d" % other)
        if path == os.getcwd():
            continue
        try:
            read.append((path, os.listdir(path)))
        except OSError:
            pass
    return read
