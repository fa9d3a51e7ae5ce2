#| title: maps outside the allocator
#| verdict: memory exceeded | exception (OSError)
#| stops: rlimits
import mmap

def f(x):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 32 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        kept[-1].write(b"x" * (32 << 20))
