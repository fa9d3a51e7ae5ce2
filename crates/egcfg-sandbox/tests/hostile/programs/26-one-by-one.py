#| title: every call that changes a file, on a file that everybody may write
#| verdict: passed
#| test: assert f(1) == []
#| needs: landlock
#| stops: landlock, attributes-denied
import os

P = "@SENTINELS@/sentinel"
D = "@SENTINELS@"

def f(x):
    done = []
    for name, attempt in (
        ("write", lambda: open(P, "w")), ("append", lambda: open(P, "a")), ("read", lambda: open(P).read()),
        ("truncate", lambda: os.truncate(P, 0)), ("unlink", lambda: os.unlink(P)),
        ("rename away", lambda: os.rename(P, D + "/other")), ("rename in", lambda: os.rename(P, "mine")),
        ("rename out", lambda: (open("own", "w").close(), os.rename("own", P))),
        ("replace", lambda: os.replace("own", P)), ("link", lambda: os.link(P, "linked")),
        ("link out", lambda: os.link("own", D + "/linked")), ("symlink", lambda: os.symlink(P, "linked")),
        ("symlink out", lambda: os.symlink("/etc", D + "/linked")), ("chmod", lambda: os.chmod(P, 0o600)),
        ("chmod directory", lambda: os.chmod(D, 0o700)), ("chown", lambda: os.chown(P, os.getuid(), os.getgid())),
        ("utime", lambda: os.utime(P, (0, 0))), ("utime directory", lambda: os.utime(D, (0, 0))),
        ("mkdir", lambda: os.mkdir(D + "/made")), ("rmdir", lambda: os.rmdir(D + "/empty")),
        ("mkfifo", lambda: os.mkfifo(D + "/fifo")), ("xattr", lambda: os.setxattr(P, "user.x", b"1")),
        ("list", lambda: os.listdir(D)), ("mknod", lambda: os.mknod(D + "/null", 0o20666, os.makedev(1, 3))),
    ):
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    return done
