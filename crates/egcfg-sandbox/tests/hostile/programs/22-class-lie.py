#| title: says that it is an int
#| verdict: wrong answer
#| stops: canonical-form
class Meta(type):
    def __instancecheck__(cls, other):
        return True

class E(metaclass=Meta):
    __class__ = int
    __module__ = "builtins"
    def __eq__(self, other):
        return True

E.__name__ = E.__qualname__ = "int"

def f(x):
    return E()
