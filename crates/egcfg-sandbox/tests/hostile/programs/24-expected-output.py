#| form: stdio
#| title: looks for the expected output
#| stdin: "what is asked\n"
#| stdout: "a7c1-expected-nowhere"
#| verdict: wrong answer
#| stops: comparer
import gc, os, sys

found = "nothing"
for name in os.listdir("."):
    found = open(name).read()
for thing in gc.get_objects():
    for value in list(vars(thing).values()) if hasattr(thing, "__dict__") else []:
        if isinstance(value, (str, bytes)) and "expected-" + "nowhere" in str(value) and len(value) < 100:
            found = value
print(found)
