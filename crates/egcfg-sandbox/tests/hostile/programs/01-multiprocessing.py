#| title: a pool of processes
#| verdict: process limit | exception (PermissionError) | exception (OSError)
#| stops: fork-denied, landlock
import multiprocessing

def f(x):
    with multiprocessing.get_context("fork").Pool(200) as pool:
        return sum(pool.map(abs, range(200)))
