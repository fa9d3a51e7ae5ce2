#| title: spoils everything that the next program would use
#| verdict: passed
#| then: 23-clean
#| stops: fork-per-program
import builtins, gc, json, math, os, random, sys
builtins.len = math.sqrt = lambda *a: 2
math.pi = 3
json.dumps = json.loads = None
sys.modules["math"] = sys.modules["json"] = None
sys.path.clear()
sys.meta_path.clear()
os.environ["EGCFG_SPOILED"] = "1"
random.seed = lambda *a: None
gc.disable()
open("left.txt", "w").write("x")

def f(x):
    return 2
