#![doc = include_str!("../README.md")]

mod asserts;
mod calls;
mod check_function;
mod definitions;
mod depth;
mod doctest;
mod executable;
mod extra_rules;
mod extract;
mod fault;
mod lines;
mod literals;
mod normal;
mod parse;
mod preamble;
mod quoted;
mod scope;
mod semantic;
mod semantic_context;
mod semantic_parts;
mod strip;
mod text_rules;
mod units;
mod version;

pub use asserts::{AssertParts, Comparison, entry_point, split_assert};
pub use check_function::{check_asserts, statements};
pub use definitions::{Definition, DefinitionKind, defines, definitions, finished};
pub use doctest::{Example, doctest_examples};
pub use executable::executable_form;
pub use extract::{Extracted, extract_program};
pub use fault::SyntaxFault;
pub use normal::normal_form;
pub use parse::check;
pub use preamble::with_preamble;
pub use quoted::literal;
pub use version::{PythonVersion, VersionError};
