#| title: the hash of a text and the order of a set
#| verdict: passed | wrong answer
#| again: same
#| test: assert f(1) == ['a', 'b', 'c', 'd']
#| stops: fixed-seeds
def f(x):
    return list({"a", "b", "c", "d"}) if hash("x") % 2 else sorted("abcd")
