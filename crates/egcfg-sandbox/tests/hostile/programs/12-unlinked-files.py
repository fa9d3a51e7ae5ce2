#| title: big files that have no name any more
#| verdict: output exceeded
#| stops: disk-limit, rlimits
import os, time

def f(x):
    kept = []
    while len(kept) < 12:
        kept.append(open("gone", "wb"))
        os.unlink("gone")
        os.posix_fallocate(kept[-1].fileno(), 0, 8 << 20)
    time.sleep(0.4)
    return 2
