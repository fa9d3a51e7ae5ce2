#| title: shared memory and semaphores by name
#| verdict: passed
#| stops: landlock
#| test: assert f(1) == []
def f(x):
    made = []
    try:
        from multiprocessing import shared_memory
        made.append(shared_memory.SharedMemory("@MARK@", create=True, size=4096).name)
    except (OSError, ImportError):
        pass
    try:
        import _multiprocessing
        made.append(_multiprocessing.SemLock(1, 1, 1, "/@MARK@", False).name)
    except OSError:
        pass
    return made
