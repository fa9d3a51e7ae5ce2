//! What may stand where: `return`, `yield`, `await`, `break` and how many blocks may be nested.
//!
//! One *unit* is what CPython compiles into one code object. Each keeps the stack of blocks that are open in it, as the
//! compiler does, because that stack decides both where a `break` leads and the limit of 20 statically nested blocks.

use ruff_text_size::TextRange;

use crate::scope::Kind;
use crate::version::PythonVersion;

/// Blocks that CPython allows open at once in a unit. From 3.13 on there is one more, which generators and coroutines
/// use up themselves.
const MAX_BLOCKS: usize = 20;
pub(crate) const ASYNC_COMPREHENSION: &str = "asynchronous comprehension outside of an asynchronous function";
const TOO_MANY: &str = "too many statically nested blocks";

/// A block that is open in a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    Loop,
    /// The handler of an `except*`, which control must not leave by a jump.
    StarHandler,
    /// `finally` part: `continue` may leave it since 3.8.
    Finally,
    Other,
}

struct Unit {
    kind: Kind,
    blocks: Vec<Block>,
    /// Whether the unit awaits anything (for comprehensions: whether it is asynchronous).
    awaits: bool,
    yields: bool,
    /// Whether the one block above the old limit was opened.
    brimful: bool,
    /// An asynchronous comprehension inside this one, to be judged when this one is known (up to 3.10).
    pending: Option<TextRange>,
}

/// The units that enclose the point of the walk, innermost last.
pub(crate) struct Units {
    version: PythonVersion,
    stack: Vec<Unit>,
    /// Whether what is visited is never compiled, so that only the symbol table judges it.
    pub(crate) uncompiled: bool,
}

pub(crate) type Judgement = Result<(), &'static str>;

impl Units {
    pub(crate) fn new(version: PythonVersion) -> Self {
        let mut units = Self { version, stack: Vec::new(), uncompiled: false };
        units.enter(Kind::Module);
        units
    }

    pub(crate) fn enter(&mut self, kind: Kind) {
        let awaits = kind == Kind::AsyncFunction;
        self.stack.push(Unit {
            kind,
            blocks: Vec::new(),
            awaits,
            yields: false,
            brimful: false,
            pending: None,
        });
    }

    /// Closes a unit that is not a comprehension.
    pub(crate) fn leave(&mut self) -> Judgement {
        match self.stack.pop() {
            Some(Unit { pending: Some(_), awaits: false, .. }) => Err(ASYNC_COMPREHENSION),
            Some(unit) if unit.brimful && (unit.yields || unit.kind == Kind::AsyncFunction) => Err(TOO_MANY),
            _ => Ok(()),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.stack.last().map_or(Kind::Module, |unit| unit.kind)
    }

    /// Whether only comprehensions lie between here and a class body.
    pub(crate) fn comprehension_in_class(&self) -> bool {
        let around = self.stack.iter().rev().find(|unit| !unit.kind.is_comprehension());
        around.is_some_and(|unit| unit.kind == Kind::Class)
    }

    fn top(&mut self) -> &mut Unit {
        // The module's unit is never left.
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    /// Opens a block.
    pub(crate) fn open(&mut self, block: Block) -> Judgement {
        let spare = usize::from(self.version.at_least(13));
        let unit = self.top();
        unit.blocks.push(block);
        unit.brimful |= unit.blocks.len() > MAX_BLOCKS;
        if unit.blocks.len() > MAX_BLOCKS + spare { Err(TOO_MANY) } else { Ok(()) }
    }

    pub(crate) fn close(&mut self) {
        self.top().blocks.pop();
    }

    pub(crate) fn return_here(&mut self) -> Judgement {
        if !matches!(self.kind(), Kind::Function | Kind::AsyncFunction) {
            return Err("`return` outside function");
        }
        if self.top().blocks.contains(&Block::StarHandler) {
            return Err("`return` cannot appear in an `except*` block");
        }
        Ok(())
    }

    /// Judges a `break` or, with `again`, a `continue`.
    pub(crate) fn jump(&mut self, again: bool) -> Judgement {
        let old = !self.version.at_least(8);
        for block in self.top().blocks.iter().rev() {
            match block {
                Block::Loop => return Ok(()),
                Block::StarHandler => {
                    return Err("`break` and `continue` cannot appear in an `except*` block");
                }
                Block::Finally if again && old => return Err("`continue` not supported inside `finally`"),
                Block::Finally | Block::Other => {}
            }
        }
        Err(if again { "`continue` not properly in loop" } else { "`break` outside loop" })
    }

    pub(crate) fn yield_here(&mut self, from: bool) -> Judgement {
        self.top().yields = true;
        match self.kind() {
            kind if self.uncompiled && !kind.is_comprehension() => Ok(()),
            Kind::AsyncFunction if from => Err("`yield from` inside async function"),
            Kind::Function | Kind::AsyncFunction | Kind::Lambda => Ok(()),
            kind if kind.is_comprehension() => Err("`yield` inside a comprehension"),
            Kind::TypeParams => Err("`yield` within a generic definition"),
            _ => Err("`yield` outside function"),
        }
    }

    pub(crate) fn await_here(&mut self) -> Judgement {
        match self.kind() {
            Kind::AsyncFunction => {}
            // Up to 3.10 this makes the function a coroutine for the comprehensions in it.
            Kind::Function if self.uncompiled => self.top().awaits = true,
            _ if self.uncompiled => {}
            kind if kind.is_comprehension() => self.top().awaits = true,
            Kind::Module | Kind::Class => return Err("`await` outside function"),
            _ => return Err("`await` outside async function"),
        }
        Ok(())
    }

    pub(crate) fn async_statement(&self) -> Judgement {
        if self.kind() == Kind::AsyncFunction {
            Ok(())
        } else {
            Err("asynchronous statement outside async function")
        }
    }

    /// An `async for` clause in the comprehension that is open.
    pub(crate) fn async_clause(&mut self) {
        self.top().awaits = true;
    }

    /// Closes a comprehension and judges whether it may be asynchronous where it stands.
    pub(crate) fn leave_comprehension(&mut self, range: TextRange) -> Result<(), TextRange> {
        let Some(unit) = self.stack.pop() else { return Ok(()) };
        if let Some(inner) = unit.pending
            && !unit.awaits
        {
            return Err(inner);
        }
        if !unit.awaits || unit.kind == Kind::Generator || self.uncompiled {
            return Ok(());
        }
        let nested = self.version.at_least(11);
        let around = self.top();
        match around.kind {
            Kind::AsyncFunction => Ok(()),
            kind if kind.is_comprehension() && nested => {
                around.awaits = true;
                Ok(())
            }
            kind if kind.is_comprehension() || (kind == Kind::Function && !nested) => {
                around.pending.get_or_insert(range);
                Ok(())
            }
            _ => Err(range),
        }
    }
}
