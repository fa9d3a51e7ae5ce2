#| title: an exception that claims to be the expected one
#| verdict: exception (*)
#| test: assert f(1) == 2
#| stops: canonical-form
class Meta(type):
    def __instancecheck__(cls, other):
        return True
    def __subclasscheck__(cls, other):
        return True

class E(Exception, metaclass=Meta):
    def __str__(self):
        raise SystemExit(0)

def f(x):
    raise E
