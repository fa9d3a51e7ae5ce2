"""What CPython itself says of the pairs of a table: prints a line per pair, `pass` or `fail`.

Argument: the table. Each pair runs in a process and a folder of its own, the program and then its test as one module.
"""

import linecache
import os
import random
import sys
import tempfile
import types


def run(program, test):
    os.chdir(tempfile.mkdtemp())
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    random.seed(1)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    linecache.cache["program"] = (len(program), None, program.splitlines(True), "program")
    exec(compile(program, "program", "exec"), module.__dict__)
    exec(compile(test, "test", "exec"), module.__dict__)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        parts = ("\n" + file.read()).split("\n=== ")[1:]
    for part in parts:
        program, test = part.split("\n", 1)[1].split("---\n", 1)
        child = os.fork()
        if not child:
            code = 1
            try:
                run(program, test)
                code = 0
            except BaseException:
                pass
            finally:
                os._exit(code)
        print("pass" if os.waitpid(child, 0)[1] == 0 else "fail", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        main()
