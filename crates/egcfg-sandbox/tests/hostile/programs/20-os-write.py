#| title: write, read, exit and struct say nothing
#| verdict: wrong answer
#| stops: comparer
import io, mmap, os, struct
os.write = os.read = os._exit = struct.Struct = struct.pack = mmap.mmap = io.FileIO = lambda *a: 8

def f(x):
    return 3
