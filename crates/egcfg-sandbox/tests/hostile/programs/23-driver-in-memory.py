#| title: spoils the driver's own modules, by way of every object
#| verdict: passed | exception (*) | forged | exited early (*) | wrong answer
#| then: 23-clean
#| stops: fork-per-program
import gc

def f(x):
    for found in gc.get_objects():
        try:
            if type(found).__name__ == "Confinement":
                found.plan["without"] = ["seccomp"]
                found.filters.clear()
                found.left_out = {"seccomp"}
        except Exception:
            pass
    return 2
