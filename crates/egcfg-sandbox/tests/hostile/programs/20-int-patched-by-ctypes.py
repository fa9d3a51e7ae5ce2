#| title: int's comparison patched through ctypes
#| verdict: wrong answer | killed (*) | exception (*)
#| stops: comparer
import ctypes

def f(x):
    # The slot tp_richcompare of int, with that of object's __ge__ style equality: any pointer will do here.
    size = ctypes.sizeof(ctypes.c_void_p)
    slots = (ctypes.c_void_p * 60).from_address(id(int))
    other = (ctypes.c_void_p * 60).from_address(id(str))
    slots[25] = other[25]
    return 3
