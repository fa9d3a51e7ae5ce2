//! A program as its top-level functions and the code between them: the tree of who calls whom, and putting a corrected
//! function back.

use egcfg_python::{PythonVersion, check, definitions};

/// A stretch of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// The function or class that it defines; `None` for other code.
    name: Option<String>,
    text: String,
}

/// A program, cut at its top-level definitions. Joined again it is the same text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

impl Pieces {
    /// Cuts a program. What cannot be cut into pieces that are valid by themselves stays one piece of other code.
    pub(super) fn of(source: &str, version: PythonVersion) -> Self {
        let lines: Vec<&str> = source.split_inclusive('\n').collect();
        let mut pieces = Vec::new();
        let mut done = 0;
        for definition in definitions(source) {
            let mut start = definition.line - 1;
            while start > done && lines[start - 1].starts_with('@') {
                start -= 1;
            }
            // A definition that an earlier one's text swallowed, or a line that is not there.
            if start < done || definition.line > lines.len() {
                continue;
            }
            let ends = (definition.line..=lines.len())
                .filter(|at| lines.get(*at).is_none_or(|line| at_margin(line)));
            let Some(end) = ends.into_iter().find(|end| check(&lines[start..*end].concat(), version).is_ok())
            else {
                continue;
            };
            push(&mut pieces, None, &lines[done..start]);
            push(&mut pieces, Some(definition.name), &lines[start..end]);
            done = end;
        }
        push(&mut pieces, None, &lines[done..]);
        Self(pieces)
    }

    /// The program.
    pub(super) fn join(&self) -> String {
        self.0.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn position(&self, name: &str) -> Option<usize> {
        // A later definition is the one in force.
        self.0.iter().rposition(|piece| piece.name.as_deref() == Some(name))
    }

    /// The functions that `entry` needs and itself, each after those that it calls; empty where it is not defined.
    pub(super) fn bottom_up(&self, entry: &str) -> Vec<String> {
        let mut order = Vec::new();
        let mut seen = Vec::new();
        // Every step down is a new name, so that recursion among the functions ends.
        self.visit(entry, &mut seen, &mut order);
        order
    }

    fn visit(&self, name: &str, seen: &mut Vec<String>, order: &mut Vec<String>) {
        let Some(at) = self.position(name) else { return };
        if seen.iter().any(|known| known == name) {
            return;
        }
        seen.push(name.to_owned());
        for word in identifiers(&self.0[at].text) {
            // A chain of definitions that is hundreds deep is no program of a task.
            if seen.len() < 200 {
                self.visit(word, seen, order);
            }
        }
        order.push(name.to_owned());
    }

    /// Puts another text of the function `name` in its place. What else the text defines comes along where its name is new, and
    /// so does its other code where that is an import. False when the text does not define `name`.
    pub(super) fn replace(&mut self, name: &str, text: &str, version: PythonVersion) -> bool {
        let new = Self::of(text, version);
        let (Some(from), Some(to)) = (new.position(name), self.position(name)) else { return false };
        self.0[to].text = spaced(&new.0[from].text, &self.0[to].text);
        let mut place = to;
        for piece in &new.0 {
            match &piece.name {
                Some(other) if self.position(other).is_none() => {
                    self.0.insert(
                        place,
                        Piece { name: piece.name.clone(), text: format!("{}\n\n\n", piece.text.trim_end()) },
                    );
                    place += 1;
                }
                Some(_) => {}
                None => {
                    let whole = self.join();
                    let imports = piece
                        .text
                        .lines()
                        .filter(|line| line.starts_with("import ") || line.starts_with("from "));
                    let fresh: Vec<&str> =
                        imports.filter(|line| !whole.lines().any(|known| known == *line)).collect();
                    if !fresh.is_empty() && check(&fresh.join("\n"), version).is_ok() {
                        self.0.insert(0, Piece { name: None, text: fresh.join("\n") + "\n" });
                        place += 1;
                    }
                }
            }
        }
        true
    }
}

fn push(pieces: &mut Vec<Piece>, name: Option<String>, lines: &[&str]) {
    if !lines.is_empty() {
        pieces.push(Piece { name, text: lines.concat() });
    }
}

/// Whether a line begins something new at the left margin.
fn at_margin(line: &str) -> bool {
    !line.starts_with([' ', '\t', '\n', '\r', '#', ')', ']', '}'])
}

/// A text with the blank lines that another ends with.
fn spaced(text: &str, like: &str) -> String {
    format!("{}{}", text.trim_end(), &like[like.trim_end().len()..])
}

/// The identifiers of a text, in order, those in strings and comments too: a call too many in the tree costs little.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROGRAM: &str = "import math\n\n\ndef half(x):\n    \"\"\"Half.\n\nof x\"\"\"\n    return x / 2\n\n\n@staticmethod\ndef twice(\n    x,\n):\n    return x * 2\n\n\ndef f(x):\n    return twice(half(x))\n\n\nunused = 1\n";

    fn pieces(text: &str) -> Pieces {
        Pieces::of(text, PythonVersion::default())
    }

    #[test]
    fn cut_at_definitions_with_decorators_and_strings_at_the_margin() {
        let found = pieces(PROGRAM);
        let names: Vec<_> = found.0.iter().map(|piece| piece.name.as_deref()).collect();
        assert_eq!(names, [None, Some("half"), Some("twice"), Some("f"), None]);
        assert!(found.0[2].text.starts_with("@staticmethod\n") && found.0[1].text.contains("of x\"\"\""));
        assert_eq!(found.bottom_up("f"), ["twice", "half", "f"]);
        assert_eq!(found.bottom_up("half"), ["half"]);
        assert!(found.bottom_up("g").is_empty());
    }

    #[test]
    fn recursion_ends_and_the_last_definition_counts() {
        let found = pieces("def a(n):\n    return b(n)\ndef b(n):\n    return a(n)\n");
        assert_eq!(found.bottom_up("a"), ["b", "a"]);
        let mut twice = pieces("def a():\n    return 1\ndef a():\n    return 2\n");
        assert!(twice.replace("a", "def a():\n    return 3\n", PythonVersion::default()));
        assert_eq!(twice.join(), "def a():\n    return 1\ndef a():\n    return 3\n");
    }

    #[test]
    fn a_function_is_replaced_with_its_new_helpers_and_imports_and_nothing_else() {
        let mut found = pieces(PROGRAM);
        let text = "import re\nimport math\nX = 1\ndef g(x):\n    return x\ndef half(x):\n    return g(x) // 2\ndef f(x):\n    return 0\n";
        assert!(found.replace("half", text, PythonVersion::default()));
        let joined = found.join();
        assert!(joined.starts_with("import re\nimport math\n"), "{joined}");
        assert!(
            joined.contains("return g(x) // 2\n\n\n@static") && joined.contains("return twice(half(x))"),
            "{joined}"
        );
        assert!(!joined.contains("X = 1") && !joined.contains("return 0"), "{joined}");
        assert_eq!(found.bottom_up("f"), ["twice", "g", "half", "f"]);
        assert!(!found.replace("half", "x = 1\n", PythonVersion::default()));
        assert!(!found.replace("half", "not python (", PythonVersion::default()));
    }

    proptest! {
        #[test]
        fn joined_again_it_is_the_same_text(text in "(def [a-c]\\([x-z]?\\):\n|    return [a-c]\\(1\\)\n|@a\n|\n|\"\"\"|[ -~]{0,8}\n|é\n){0,20}") {
            let mut found = pieces(&text);
            prop_assert_eq!(found.join(), text.clone());
            prop_assert!(found.bottom_up("a").len() <= found.0.len());
            let _ = found.replace("a", &text, PythonVersion::default());
        }
    }
}
