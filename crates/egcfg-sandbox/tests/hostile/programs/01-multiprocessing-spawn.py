#| title: a process by way of a fresh interpreter
#| verdict: process limit | exception (PermissionError) | exception (BlockingIOError) | exception (OSError)
#| stops: fork-denied, exec-denied
import multiprocessing

def f(x):
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    return 2
