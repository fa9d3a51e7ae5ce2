#| title: an array of truth values
#| verdict: wrong answer | exception (ModuleNotFoundError) | exception (ImportError) | exception (ValueError)
#| stops: canonical-form
import numpy

class A(numpy.ndarray):
    def __eq__(self, other):
        return True

def f(x):
    return numpy.array([3]).view(A)
