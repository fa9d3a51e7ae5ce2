#| title: finds nothing of what others left
#| verdict: passed
#| test: assert f(0) == (3, 3.0, True, False, [], True, True, True)
#| stops: fork-per-program
import json, math, os, sys, gc

def f(x):
    return (len([1, 2, 3]), math.sqrt(9), len(sys.path) > 0, "EGCFG_SPOILED" in os.environ, os.listdir("."),
            json.dumps([1]) == "[1]", gc.isenabled(), "PYTHONSTARTUP" not in os.environ)
