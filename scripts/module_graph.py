#!/usr/bin/env python3
"""The module graph of every crate, and the check that it has no circles.

An arrow goes from the file that names something to the file that defines it: `use crate::a::B`, `super::x()`, paths
inside expressions. A re-export (`pub use`) is a signpost and no arrow: a path that leads through one is followed to
the file behind it. Tests inside the sources (`#[cfg(test)]`) are left out, as is what macros write.

    scripts/module_graph.py            check: names every circle and exits 1 where there is one
    scripts/module_graph.py --draw     the arrows of all crates, one `crate: file -> file` per line
    scripts/module_graph.py --crates   the arrows between crates, from their manifests
    scripts/module_graph.py --lines    lines of source and of tests per crate
    scripts/module_graph.py --self-test   the check itself on three small crates
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATH = re.compile(r"\b((?:crate|self|super)(?:\s*::\s*(?:[A-Za-z_]\w*|\*))+)")
USE = re.compile(r"(?P<public>pub(?:\([^)]*\))?\s+)?\buse\s+(?P<tree>[^;]+);")
MODULE = re.compile(r'(?:#\[path\s*=\s*"(?P<path>[^"]+)"\]\s*)?(?:pub(?:\([^)]*\))?\s+)?\bmod\s+(?P<name>\w+)\s*;')


def without_comments_and_texts(source):
    """Rust source with comments, strings and characters blanked, so that no arrow is read out of prose."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|r(#*)"(?:.*?)"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^\']+|[^\'\\])\'', re.S
    )
    # A `#[path = "..."]` is the one text that names a file.
    return token.sub(lambda m: m.group(0) if is_path_attribute(source, m.start()) else " ", source)


def is_path_attribute(source, at):
    return source[max(0, at - 12):at].replace(" ", "").endswith("[path=")


def without_tests(source):
    """Source without what stands behind `#[cfg(test)]`: one item, with its braces or up to its semicolon."""
    while True:
        found = re.search(r"#\[cfg\((?:test|all\(test[^\]]*)\)\]", source)
        if not found:
            return source
        at, depth = found.end(), 0
        while at < len(source):
            letter = source[at]
            if letter == "{":
                depth += 1
            elif letter == "}":
                depth -= 1
                if depth == 0:
                    break
            elif letter == ";" and depth == 0:
                break
            at += 1
        source = source[:found.start()] + source[at + 1:]


def flatten(tree):
    """The single paths of a `use` tree, each with the name that it brings in."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        parts = [p.strip() for p in path.split("::") if p.strip()]
        if parts and parts[-1] == "self":
            parts.pop()
        return [(parts, alias.strip() or (parts[-1] if parts else ""))]
    head = [p.strip() for p in tree[:brace].split("::") if p.strip()]
    inner, depth, start, pieces = tree[brace + 1:tree.rindex("}")], 0, 0, []
    for at, letter in enumerate(inner):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            pieces.append(inner[start:at])
            start = at + 1
    pieces.append(inner[start:])
    return [(head + parts, name) for piece in pieces if piece.strip() for parts, name in flatten(piece)]


class Crate:
    """The modules of one crate: their files, children, re-exports and the paths that they name."""

    def __init__(self, root_file):
        self.files, self.exports, self.paths = {}, {}, {}
        self.read((), root_file, root_file.parent)

    def read(self, module, file, folder):
        source = without_tests(without_comments_and_texts(file.read_text()))
        self.files[module] = file
        self.exports[module], self.paths[module] = {}, []
        for found in MODULE.finditer(source):
            name = found["name"]
            if found["path"]:
                child = file.parent / found["path"]
                below = child.parent
            else:
                child = folder / f"{name}.rs"
                child = child if child.exists() else folder / name / "mod.rs"
                below = folder / name
            if child.exists():
                self.read(module + (name,), child, below)
        for found in USE.finditer(source):
            for parts, name in flatten(found["tree"]):
                if found["public"]:
                    self.exports[module][name] = parts
                else:
                    self.paths[module].append(parts)
        for found in PATH.finditer(USE.sub(" ", source)):
            self.paths[module].append([p.strip() for p in found[1].split("::")])

    def target(self, module, parts, seen=frozenset()):
        """The module that defines what `parts`, written in `module`, names; None for other crates."""
        if (module, tuple(parts)) in seen:
            return None
        seen = seen | {(module, tuple(parts))}
        at, rest = module, list(parts)
        if rest and rest[0] == "crate":
            at, rest = (), rest[1:]
        elif rest and rest[0] in ("self", "super"):
            while rest and rest[0] in ("self", "super"):
                at = at[:-1] if rest[0] == "super" else at
                rest = rest[1:]
        elif not rest or module + (rest[0],) not in self.files:
            return None
        while rest:
            child = at + (rest[0],)
            if child in self.files:
                at, rest = child, rest[1:]
            elif rest[0] in self.exports[at]:
                return self.target(at, self.exports[at][rest[0]] + rest[1:], seen)
            else:
                # What a glob re-exports is found by looking whether its module defines or re-exports the name.
                for parts in (p for n, p in self.exports[at].items() if n == "*"):
                    there = self.target(at, parts[:-1], seen)
                    if there is not None and self.names(there, rest[0]):
                        return self.target(at, parts[:-1] + rest, seen)
                return at
        return at

    def names(self, module, name):
        if name in self.exports[module]:
            return True
        item = r"\b(?:fn|struct|enum|trait|type|const|static|mod|union|macro_rules!)\s+" + re.escape(name) + r"\b"
        return re.search(item, self.files[module].read_text()) is not None

    def arrows(self):
        found = {}
        for module, paths in self.paths.items():
            for parts in paths:
                there = self.target(module, parts)
                if there is not None and self.files[there] != self.files[module]:
                    found.setdefault(self.files[module], set()).add(self.files[there])
        return found


def circles(arrows):
    """Groups of files that reach each other (Tarjan's strongly connected components, without recursion)."""
    index, low, on, stack, groups = {}, {}, set(), [], []
    for start in sorted(arrows):
        if start in index:
            continue
        work = [(start, iter(sorted(arrows.get(start, ()))))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on.add(start)
        while work:
            node, following = work[-1]
            step = next(following, None)
            if step is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = []
                    while not group or group[-1] != node:
                        group.append(stack.pop())
                        on.discard(group[-1])
                    if len(group) > 1:
                        groups.append(sorted(group))
            elif step not in index:
                index[step] = low[step] = len(index)
                stack.append(step)
                on.add(step)
                work.append((step, iter(sorted(arrows.get(step, ())))))
            elif step in on:
                low[node] = min(low[node], index[step])
    return groups


def crates(root=ROOT):
    for folder in sorted((root / "crates").iterdir()):
        for name in ("lib.rs", "main.rs"):
            if (folder / "src" / name).exists():
                yield folder, name, Crate(folder / "src" / name)


def check(root=ROOT):
    bad = files = count = 0
    for folder, _, crate in crates(root):
        arrows = crate.arrows()
        files += len(crate.files)
        count += sum(map(len, arrows.values()))
        for group in circles(arrows):
            bad += 1
            print(f"{folder.name}: a circle of {len(group)} files")
            for file in group:
                for there in sorted(arrows.get(file, set()) & set(group)):
                    print(f"    {file.relative_to(folder / 'src')} -> {there.relative_to(folder / 'src')}")
    print(f"module graph: {files} files, {count} arrows, {bad} circles")
    return 1 if bad else 0


def manifests(root=ROOT):
    for folder in sorted((root / "crates").iterdir()):
        if not (folder / "Cargo.toml").exists():
            continue
        part = ""
        for line in (folder / "Cargo.toml").read_text().splitlines():
            if line.startswith("["):
                part = line.strip("[]")
            found = re.match(r"(egcfg[\w-]*)", line)
            if found and part == "dependencies" and found[1] != folder.name:
                yield folder.name, found[1]


def lines(root=ROOT):
    count = lambda places: sum(len(f.read_text().splitlines()) for p in places for f in p.rglob("*.rs"))
    for folder in sorted((root / "crates").iterdir()):
        source, tests = count([folder / "src"]), count([folder / "tests", folder / "benches", folder / "examples"])
        print(f"{folder.name:<16} {source:>6} source {tests:>6} tests")


def self_test():
    """A circle through a re-export is found; re-exports, tests and prose make none."""
    cases = [
        ({"lib.rs": "mod a; mod b;", "a.rs": "use crate::b::B; pub struct A;", "b.rs": "pub struct B; fn f(_: crate::a::A) {}"}, 1),
        ({"lib.rs": "mod a; mod b; pub use a::A;", "a.rs": "use crate::b::B; pub struct A;", "b.rs": "use crate::A; pub struct B;"}, 1),
        ({"lib.rs": "mod a; mod b; pub use a::*;", "a.rs": "use super::b::B; pub struct A;",
          "b.rs": "// crate::A\npub struct B; const S: &str = \"crate::A\";\n#[cfg(test)] mod tests { use crate::A; }"}, 0),
    ]
    for number, (files, expected) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "crates" / "x" / "src"
            source.mkdir(parents=True)
            for name, text in files.items():
                (source / name).write_text(text)
            found = sum(len(circles(crate.arrows())) for _, _, crate in crates(Path(folder)))
            if found != expected:
                print(f"self-test {number}: {found} circles, expected {expected}")
                return 1
    return 0


def main(arguments):
    if arguments == ["--draw"]:
        for folder, _, crate in crates():
            for file, reached in sorted(crate.arrows().items()):
                for there in sorted(reached):
                    print(f"{folder.name}: {file.relative_to(folder / 'src')} -> {there.relative_to(folder / 'src')}")
        return 0
    if arguments == ["--crates"]:
        print("\n".join(f"{a} -> {b}" for a, b in manifests()))
        return 0
    if arguments == ["--lines"]:
        lines()
        return 0
    if arguments == ["--self-test"]:
        return self_test()
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    return self_test() or check()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
