#| title: links, FIFOs, sockets and devices
#| verdict: passed
#| test: assert f(1) == []
#| needs: landlock
#| stops: landlock, attributes-denied
import os, socket

def f(x):
    done = []
    for name, attempt in (
        ("symlink", lambda: os.symlink("/etc/passwd", "out")), ("directory link", lambda: os.symlink("/", "dir")),
        ("fifo", lambda: os.mkfifo("fifo")), ("device", lambda: os.mknod("null", 0o20666, os.makedev(1, 3))),
        ("link", lambda: os.link("/etc/passwd", "hard")), ("socket", lambda: socket.socket(socket.AF_UNIX).bind("sock")),
    ):
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    return done
