#| title: removes whole trees
#| verdict: passed
#| test: assert f(1) is None
#| stops: landlock, unused-uid
import shutil

def f(x):
    for tree in ("@SENTINELS@", "@HOME@"):
        shutil.rmtree(tree, ignore_errors=True)
