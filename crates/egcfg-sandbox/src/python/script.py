"""A program on standard input, run as `python3 program.py < input` runs it, from its first line to the interpreter's end.

The end is a part of the run: threads are waited for, functions registered with `atexit` run, what was written is
flushed, and the module's objects go, with their `__del__` and with the files that they held open. The process itself goes on, to
say so; a program that ends it is judged by what it had written.
"""

import ast
import atexit
import builtins
import gc
import io
import os
import sys
import threading
import time
import types

from _egcfg_recursion import EXEC

_open, _os_open, _dup, _fspath = io.open, os.open, os.dup, os.fspath
_enumerate, _join = threading.enumerate, threading.Thread.join
_main_thread = threading.main_thread()
_monotonic, _process_time, _thread_time = time.monotonic, time.process_time, time.thread_time
_run_exit_functions = atexit._run_exitfuncs
_collect, _excepthook = gc.collect, sys.excepthook
_BaseException, _OSError, _SystemExit = BaseException, OSError, SystemExit
_Type, _str, _int = type, str, int
_Function, _dict_of, _set_of_type = types.FunctionType, type.__dict__["__dict__"].__get__, type.__setattr__
_DEVICES = {
    "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/0": 0, "/dev/fd/1": 1, "/dev/fd/2": 2,
    "/proc/self/fd/0": 0, "/proc/self/fd/1": 1, "/proc/self/fd/2": 2,
}
FILE = "program.py"
# The built-in names of a program that runs alone. A child that copied them would touch, and so copy, the pages of all of them.
_alone = {}
# Threads that use less processor time than this between two looks do nothing.
_BUSY = 0.00002


def exit_code(error):
    """The exit status that `sys.exit(x)` asks for."""
    code = error.code
    if code is None:
        return 0
    # True and False are numbers, too.
    return _int.__and__(code, 0xFF) if issubclass(_Type(code), _int) else 1


def ready():
    """In the warm interpreter, before its first child and after all that changes built-in names."""
    _alone.update(vars(builtins))


def prepare(module, source, shown, alone):
    """Gives the module what a script has: `__file__`, and where the program asks for it the file itself and its lines.

    A program that runs `alone` has built-in names of its own; else it shares those of the module `builtins` with a test
    that may patch them.
    """
    path = os.getcwd() + "/" + FILE
    module.__dict__["__file__"] = path
    module.__dict__["__builtins__"] = (_alone or dict(vars(builtins))) if alone else builtins
    sys.argv = [FILE]
    if "__file__" in source or "argv" in source:
        try:
            with _open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
                file.write(source)
        except _OSError:
            # No room for it: the program will see that it is not there.
            pass
    if not alone:
        # The ones that the interpreter started with know another file behind their descriptor: one that could be sought in.
        sys.stdout = sys.__stdout__ = _stream(1, "w", "<stdout>")
    if "inspect" in source or "linecache" in source or "traceback" in source:
        remember(source, shown, path)
    if "/dev/" in source or "/proc/self/fd" in source:
        _map_devices()


def become_main(namespace, name):
    """Once a program has been loaded, as a module, so that what it does as a script was left out, it and its test are the script:
    its functions and classes say so."""
    namespace["__name__"] = "__main__"
    pending = list(namespace.values())
    while pending:
        value = pending.pop()
        if _Type(value) is _Function:
            if value.__module__ == name:
                value.__module__ = "__main__"
        elif issubclass(_Type(value), _Type) and _dict_of(value).get("__module__") == name:
            _set_of_type(value, "__module__", "__main__")
            pending.extend(_dict_of(value).values())


def _stream(fd, mode, name):
    raw = io.FileIO(fd, mode, closefd=False)
    raw.name = name
    # The standard streams keep a carriage return; files that a program opens itself do not.
    stream = io.TextIOWrapper((io.BufferedReader if mode == "r" else io.BufferedWriter)(raw), "utf-8", newline="\n")
    stream.mode = mode
    return stream


def remember(source, *names):
    """Lets `inspect` and tracebacks find the program's lines."""
    import linecache

    for name in names:
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)


class _Opening:
    """Opens a file as `function` does, and a standard stream by its path where that cannot be opened. An object, since a
    function that a class takes over from `io` would become a method."""

    def __init__(self, function, finish):
        self.function, self.finish = function, finish

    def __call__(self, file, *args, **kwargs):
        try:
            return self.function(file, *args, **kwargs)
        except _OSError:
            try:
                fd = _DEVICES.get(_fspath(file))
            except TypeError:
                fd = None
            if fd is None:
                raise
            return self.finish(_dup(fd), *args, **kwargs)


def _map_devices():
    """Lets a program open its standard streams by their paths, which do not exist in each protection's file system."""
    builtins.open = io.open = _Opening(_open, _open)
    os.open = _Opening(_os_open, lambda fd, *args, **kwargs: fd)


def calls_entry(source, entry):
    """Whether the task's function must be called: the file defines it so that it can be called without arguments, and as a
    script does nothing of its own.

    A script does something of its own where a statement at its top level is an expression, such as a call, or where it asks for
    the function, be it by way of others. Imports, definitions and values do not count, nor do calls that only set the
    interpreter up.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    callable_so, loads, mentions, pending = False, set(), {}, list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            if isinstance(node, ast.FunctionDef) and node.name == entry:
                callable_so = not _wants_arguments(node.args)
            elif not isinstance(node, ast.Lambda):
                mentions[node.name] = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            continue
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant) and not _sets_up(node.value):
            return False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            loads.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    # What the script asks for, and what that asks for in turn.
    asked = list(loads)
    while asked:
        for name in mentions.pop(asked.pop(), ()):
            if name not in loads:
                loads.add(name)
                asked.append(name)
    return callable_so and entry not in loads


def _wants_arguments(args):
    positional = len(getattr(args, "posonlyargs", ())) + len(args.args)
    return positional > len(args.defaults) or any(default is None for default in args.kw_defaults)


_SETTINGS = frozenset((
    "setrecursionlimit", "stack_size", "seed", "simplefilter", "filterwarnings", "set_int_max_str_digits", "setcontext",
    "setlocale", "reconfigure", "append", "insert", "disable", "freeze", "set_threshold", "switchinterval", "setswitchinterval",
))


def _sets_up(node):
    """`sys.setrecursionlimit(...)` and the like."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    return name in _SETTINGS


def run(server, patience, shows):
    """Runs the script and ends it; returns its exit code, or lets its exception through. With `shows` somebody reads what it
    writes to standard error: what the interpreter would write there of its end is written too."""
    sys.stdin = sys.__stdin__ = _stream(0, "r", "<stdin>")
    out, code = sys.stdout, 0
    try:
        server.recursion.go(EXEC)
        if server.program is not None and not server.call:
            server.tracer().execute(server.namespace)
        else:
            exec(server.code, server.namespace)
        if server.call:
            server.recursion.go(0)
        if server.call and server.program is not None:
            function = server.namespace[server.entry]
            server.tracer().call(function, (), {}, server.entry + "()", server.namespace)
        elif server.call:
            server.namespace[server.entry]()
    except _SystemExit as error:
        code = exit_code(error)
        if shows and error.code is not None and _Type(error.code) is not _int:
            _show(lambda: sys.stderr.write("%s\n" % (error.code,)))
    except _BaseException as error:
        if not _hook(error) and shows:
            _show(lambda: _trace_back(server, error))
        if shows:
            for name in ("stderr", "stdout"):
                _flush(getattr(sys, name, None))
            _flush(out)
        raise
    return _end(server, out, code, patience)


def _show(write):
    """Writes about the program's end; a program that makes that impossible is told of by its verdict alone."""
    try:
        write()
    except _BaseException:
        pass


def _trace_back(server, error):
    """Writes an exception as the interpreter does, from the program's first line on."""
    import traceback

    file = sys.stderr
    if file is None:
        # Told nothing, it would write to standard output.
        return
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != "<program>":
        trace = trace.tb_next
    remember(server.source, "<program>")
    traceback.print_exception(_Type(error), error, trace, file=file)


def _hook(error):
    """Lets a program that ends by an exception see it where it has asked for that: it may still leave in another way. Returns
    whether it has."""
    hook = getattr(sys, "excepthook", None)
    if hook is None or hook is _excepthook:
        return False
    try:
        hook(_Type(error), error, error.__traceback__)
    except _BaseException:
        pass
    for name in ("stderr", "stdout"):
        _flush(getattr(sys, name, None))
    return True


def run_body(value, tracer):
    """Runs what a traced call returned without running it: a generator, to its end or that of the trace, or a coroutine."""
    kind = _Type(value)
    if kind is types.GeneratorType:
        tracer.go_on(_drain, (value, tracer))
    elif kind in (types.CoroutineType, types.AsyncGeneratorType):
        import asyncio

        body = value if kind is types.CoroutineType else _drain_async(value, tracer)
        tracer.go_on(asyncio.run, (body,))


def _drain(items, tracer):
    for _ in items:
        if tracer.ended:
            break


async def _drain_async(items, tracer):
    async for _ in items:
        if tracer.ended:
            break


def _end(server, out, code, patience):
    # The interpreter flushes once behind the last line, before it waits for anybody.
    for name in ("stderr", "stdout"):
        _flush(getattr(sys, name, None))
    _wait_for_threads(patience)
    try:
        _run_exit_functions()
    except _BaseException:
        # The interpreter shows it and goes on.
        pass
    if not _flush(getattr(sys, "stdout", None)) and code == 0:
        code = 120
    _take_down(server.namespace)
    if "__del__" in server.source or "yield" in server.source:
        _collect()
    for stream in (getattr(sys, "stdout", None), out):
        _flush(stream)
    return code


def _wait_for_threads(patience):
    """Until all threads but the daemons have ended, or have done nothing for `patience` seconds: those never end."""
    for call in reversed(list(getattr(threading, "_threading_atexits", ()))):
        try:
            call()
        except _BaseException:
            pass
    used, since, look = _used_by_others(), _monotonic(), min(0.02, patience / 10)
    while True:
        alive = [thread for thread in _enumerate() if thread is not _main_thread and not thread.daemon]
        if not alive:
            return
        try:
            _join(alive[0], look)
        except _SystemExit:
            return
        now = _used_by_others()
        if now > used + _BUSY:
            used, since = now, _monotonic()
        elif _monotonic() - since >= patience:
            return


def _used_by_others():
    """Processor time of all threads but this one."""
    return _process_time() - _thread_time()


def _flush(stream):
    """Whether a stream could be flushed; a closed one need not be."""
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
        return True
    except _BaseException:
        return False


def _take_down(namespace):
    """Lets the module's objects go, in the interpreter's order: names with one underscore first."""
    for private in (True, False):
        for name in list(namespace):
            if _Type(name) is _str and name != "__builtins__" and (name[:1] == "_" and name[1:2] != "_") is private:
                namespace[name] = None
