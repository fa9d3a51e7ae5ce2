#| title: an exception that cannot be made anew, where another one is expected
#| verdict: exception (*)
#| test: exec("try:\n    f(1)\nexcept TypeError:\n    pass\nelse:\n    raise AssertionError")
#| stops: comparer
import builtins

def f(x):
    group = getattr(builtins, "ExceptionGroup", None)
    if group is None:
        raise ValueError("this interpreter has no groups")
    raise group("several", [ValueError("one")])
