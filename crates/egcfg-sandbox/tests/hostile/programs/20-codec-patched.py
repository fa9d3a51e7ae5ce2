#| title: the harness's own encoder found and patched
#| verdict: wrong answer | forged | exception (*) | exited early (*)
#| stops: comparer, nonce
import gc, types

def f(x):
    for found in gc.get_objects():
        if isinstance(found, type) and found.__name__ in ("Encoder", "Server", "Decoder"):
            for name in list(vars(found)):
                if isinstance(vars(found)[name], types.FunctionType) and name != "__init__":
                    setattr(found, name, lambda *a, **k: (b"", []))
    return 3
