//! Scopes and names, as far as they decide validity: `global` and `nonlocal` against what a scope does with a name.
//!
//! The rules are those of CPython's symbol table: a declaration must come before any use in its scope, and a `nonlocal`
//! name must be bound in an enclosing function. Whether a name is bound there is known only at the end, so `nonlocal`
//! declarations are kept and resolved last. Nothing is recorded for programs without such declarations.

use std::collections::HashMap;

use ruff_text_size::TextRange;

/// What kind of code a scope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    Class,
    Function,
    AsyncFunction,
    Lambda,
    /// A comprehension that builds its value at once (list, set, dict).
    Comprehension,
    /// A generator expression.
    Generator,
    /// The invisible scope around a definition with type parameters, and the value of a `type` statement.
    TypeParams,
}

impl Kind {
    pub(crate) fn is_comprehension(self) -> bool {
        matches!(self, Self::Comprehension | Self::Generator)
    }
}

/// What a scope does with a name, as bits.
pub(crate) mod flag {
    pub(crate) const LOCAL: u8 = 1;
    pub(crate) const PARAM: u8 = 2;
    pub(crate) const USE: u8 = 4;
    pub(crate) const GLOBAL: u8 = 8;
    pub(crate) const NONLOCAL: u8 = 16;
    pub(crate) const ANNOTATED: u8 = 32;
    pub(crate) const IMPORT: u8 = 64;
    pub(crate) const TYPE_PARAM: u8 = 128;
    pub(crate) const BOUND: u8 = LOCAL | PARAM | IMPORT | TYPE_PARAM;
}

struct Names<'a> {
    kind: Kind,
    parent: Option<usize>,
    flags: HashMap<&'a str, u8>,
    nonlocals: Vec<(&'a str, TextRange)>,
}

/// Every scope's names.
pub(crate) struct Symbols<'a> {
    tracked: bool,
    scopes: Vec<Names<'a>>,
    current: usize,
}

impl<'a> Symbols<'a> {
    /// An empty table with the module's scope open. Names matter only where a declaration can be.
    pub(crate) fn new(source: &str) -> Self {
        let tracked = source.contains("global") || source.contains("nonlocal");
        let module = Names { kind: Kind::Module, parent: None, flags: HashMap::new(), nonlocals: Vec::new() };
        Self { tracked, scopes: vec![module], current: 0 }
    }

    pub(crate) fn enter(&mut self, kind: Kind) {
        if self.tracked {
            let parent = Some(self.current);
            self.current = self.scopes.len();
            self.scopes.push(Names { kind, parent, flags: HashMap::new(), nonlocals: Vec::new() });
        }
    }

    pub(crate) fn leave(&mut self) {
        if self.tracked {
            self.current = self.scopes[self.current].parent.unwrap_or(0);
        }
    }

    /// Records what the current scope does with a name.
    pub(crate) fn add(&mut self, name: &'a str, bits: u8) {
        if self.tracked {
            *self.scopes[self.current].flags.entry(name).or_default() |= bits;
        }
    }

    /// Records a name bound by `:=`, which belongs to the scope around all comprehensions.
    pub(crate) fn add_walrus(&mut self, name: &'a str) {
        if !self.tracked {
            return;
        }
        let mut scope = self.current;
        while self.scopes[scope].kind.is_comprehension() {
            scope = self.scopes[scope].parent.unwrap_or(0);
        }
        let inside = scope != self.current;
        let bits = if inside && self.scopes[scope].kind == Kind::Module { flag::GLOBAL } else { flag::LOCAL };
        *self.scopes[scope].flags.entry(name).or_default() |= bits;
    }

    /// What the current scope has done with a name so far.
    pub(crate) fn get(&self, name: &str) -> u8 {
        self.scopes[self.current].flags.get(name).copied().unwrap_or(0)
    }

    /// Declares a name `global` or `nonlocal`; an error says why that comes too late.
    pub(crate) fn declare(&mut self, name: &'a str, range: TextRange, bits: u8) -> Result<(), String> {
        let word = if bits == flag::GLOBAL { "global" } else { "nonlocal" };
        let before = self.get(name);
        if before & flag::PARAM != 0 {
            return Err(format!("name `{name}` is parameter and {word}"));
        }
        if before & flag::USE != 0 {
            return Err(format!("name `{name}` is used prior to {word} declaration"));
        }
        if before & flag::ANNOTATED != 0 {
            return Err(format!("annotated name `{name}` can't be {word}"));
        }
        if before & flag::LOCAL != 0 {
            return Err(format!("name `{name}` is assigned to before {word} declaration"));
        }
        if (before | bits) & flag::GLOBAL != 0 && (before | bits) & flag::NONLOCAL != 0 {
            return Err(format!("name `{name}` is nonlocal and global"));
        }
        if bits == flag::NONLOCAL {
            self.scopes[self.current].nonlocals.push((name, range));
        }
        self.add(name, bits);
        Ok(())
    }

    /// The first `nonlocal` name that no enclosing function binds.
    pub(crate) fn unbound_nonlocal(&self) -> Option<(&'a str, TextRange)> {
        self.scopes
            .iter()
            .flat_map(|scope| scope.nonlocals.iter().map(move |entry| (scope.parent, entry)))
            .find(|(parent, (name, _))| !self.is_bound_around(*parent, name))
            .map(|(_, entry)| *entry)
    }

    fn is_bound_around(&self, mut scope: Option<usize>, name: &str) -> bool {
        while let Some(index) = scope {
            let names = &self.scopes[index];
            let flags = names.flags.get(name).copied().unwrap_or(0);
            match names.kind {
                Kind::Module => return false,
                // A method may rebind the cell that `super()` reads.
                Kind::Class if name == "__class__" => return true,
                Kind::Class => {}
                // A type parameter cannot be rebound.
                Kind::TypeParams if flags & flag::TYPE_PARAM != 0 => return false,
                _ if flags & flag::GLOBAL != 0 => return false,
                _ if flags & (flag::BOUND | flag::NONLOCAL) != 0 => return true,
                _ => {}
            }
            scope = names.parent;
        }
        false
    }
}
