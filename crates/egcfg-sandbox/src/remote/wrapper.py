# The program is the text below. This file runs it, calls its entry point where it does not do so itself, and says on
# standard error how it ended where an exit status alone would not.
SOURCE = @SOURCE@
ENTRY = @ENTRY@


def _run(source, entry):
    import sys
    write = sys.stderr.write
    if sys.version_info < (3, 6):
        write("egcfg: {\"harness\": \"the server runs Python %d.%d for this language\"}\n" % sys.version_info[:2])
        sys.exit(1)
    import ast
    import json
    import os
    import site
    import types
    leave, dump, out = os._exit, json.dumps, sys.stdout
    flush = sys.stderr.flush

    def end(report):
        # Not through the interpreter's own end: threads that the program left would hold it up.
        write("\negcfg: " + dump(report) + "\n")
        flush()
        leave(1)

    def mentions(tree):
        defined, pending = False, list(tree.body)
        while pending:
            node = pending.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                defined = defined or node.name == entry
                continue
            if isinstance(node, ast.Name) and node.id == entry and isinstance(node.ctx, ast.Load):
                return True
            pending.extend(ast.iter_child_nodes(node))
        return not defined

    # The server's flags leave out `exit` and `quit`, and strip asserts from what is compiled without a level.
    site.setquit()
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        code = compile(source, "<program>", "exec", dont_inherit=True, optimize=0)
        call = not mentions(ast.parse(source))
    except SyntaxError as error:
        end({"syntax": "line %s: %s" % (error.lineno, error.msg)})
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        end({"syntax": "%s: %s" % (type(error).__name__, error)})
    try:
        exec(code, module.__dict__)
        if call:
            module.__dict__[entry]()
        out.flush()
        if sys.stdout is not out:
            sys.stdout.flush()
    except SystemExit as error:
        status = error.code
        status = 0 if status is None else status & 255 if type(status) is int else 1
        try:
            out.flush()
        except ValueError:
            pass
        if status:
            end({"exit": status})
    except BaseException as error:
        try:
            text = str(error)[:2000]
        except BaseException:
            text = ""
        end({"raised": [type(error).__name__, text]})
    leave(0)


_run(SOURCE, ENTRY)
