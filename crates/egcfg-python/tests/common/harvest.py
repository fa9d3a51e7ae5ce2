# Prints, as one JSON list, the programs inside CPython's own tests of its syntax: doctest examples and string constants.
import ast, doctest, json, os, textwrap

NAMES = """
asyncgen compile coroutines decorators dictcomps eof except_star exceptions extcall fstring genexps generators global
grammar keywordonlyarg listcomps named_expressions patma pep646_syntax positional_only_arg scope setcomps string_literals
syntax tstring type_aliases type_annotations type_params unpack_ex unparse with
"""
# Known to take the interpreter itself down, or to be about its own limits, which `depth.rs` tests.
TOO_LONG = 2000

programs = set()
folder = os.path.join(os.path.dirname(os.__file__), "test")
for name in NAMES.split():
    try:
        with open(os.path.join(folder, "test_%s.py" % name), encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError):
        continue
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if ">>>" in node.value:
            try:
                programs.update(example.source for example in doctest.DocTestParser().get_examples(node.value))
            except ValueError:
                pass
        elif len(node.value) < TOO_LONG:
            programs.add(node.value)
            programs.add(textwrap.dedent(node.value))
print(json.dumps(sorted(text for text in programs if not any("\ud800" <= c <= "\udfff" for c in text))))
