#| title: big files without a name, held by a mapping of one page each
#| verdict: output exceeded
#| stops: disk-limit
import mmap, os, time

def f(x):
    kept = []
    while len(kept) < 12:
        fd = os.open("gone", os.O_RDWR | os.O_CREAT)
        os.unlink("gone")
        os.posix_fallocate(fd, 0, 8 << 20)
        kept.append(mmap.mmap(fd, 4096))
        os.close(fd)
    time.sleep(0.4)
    return 2
