#| title: finds the tracer's objects and spoils them
#| traced: 2000
#| verdict: passed | exception (*)
#| stops: comparer
import gc

def f(x):
    for found in gc.get_objects():
        if type(found).__name__ in ("Tracer", "MemorySink", "Budget"):
            for name in list(vars(found)) if hasattr(found, "__dict__") else []:
                try:
                    setattr(found, name, None)
                except Exception:
                    pass
    return x + 1
