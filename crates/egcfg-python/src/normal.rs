//! The normal form: one text per program, whatever its layout.
//!
//! Every node of the tree is written as its kind, what it says beyond its children, and its children in order. Positions,
//! comments, docstrings, redundant parentheses, quotes and the way a number is spelt do not appear; everything that
//! can change what a program does, does. Where a value cannot be told exactly (a lone surrogate in a string, the printed
//! source of an f-string's `=` field), the source itself is written: rather two forms for one program than one for two.

use std::fmt::Write as _;

use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor, TraversalSignal};
use ruff_python_ast::{
    AnyNodeRef, ExprFString, FStringPart, InterpolatedElement, InterpolatedStringElement, Number, Stmt,
};
use ruff_text_size::{Ranged, TextRange};

use crate::lines;
use crate::parse::with_module;
use crate::strip::leading_strings;
use crate::version::PythonVersion;

/// A text that two valid programs share exactly when they differ in nothing but layout, comments, docstrings, redundant
/// parentheses and the spelling of literals. `None` for an invalid program. It is meant to be compared, not read.
pub fn normal_form(source: &str, version: PythonVersion) -> Option<String> {
    let source = lines::unix_newlines(source);
    with_module(&source, version, |parsed| {
        let mut writer = Writer { source: &source, text: String::with_capacity(source.len() * 2) };
        writer.visit_body(parsed.suite());
        writer.text
    })
    .ok()
}

struct Writer<'a> {
    source: &'a str,
    text: String,
}

/// Writes to a string, which cannot fail.
macro_rules! put {
    ($self:expr, $($argument:tt)*) => {{ let _ = write!($self.text, $($argument)*); }};
}

impl<'a> SourceOrderVisitor<'a> for Writer<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        match node {
            AnyNodeRef::Arguments(arguments) if arguments.is_empty() => return TraversalSignal::Skip,
            AnyNodeRef::Parameters(parameters) if parameters.is_empty() => return TraversalSignal::Skip,
            AnyNodeRef::ExprStringLiteral(string) => {
                let value = string.value.to_str();
                self.characters('s', value, string.range);
                return TraversalSignal::Skip;
            }
            AnyNodeRef::ExprBytesLiteral(bytes) => {
                put!(self, "b{:?}", bytes.value.bytes().collect::<Vec<u8>>());
                return TraversalSignal::Skip;
            }
            AnyNodeRef::ExprFString(string) => {
                self.f_string(string);
                return TraversalSignal::Skip;
            }
            AnyNodeRef::ExprTString(string) => {
                put!(self, "t{:?}", &self.source[string.range]);
                return TraversalSignal::Skip;
            }
            _ => {}
        }
        put!(self, "{:?}", node.kind());
        self.details(node);
        self.text.push('(');
        TraversalSignal::Traverse
    }

    fn leave_node(&mut self, node: AnyNodeRef<'a>) {
        match node {
            AnyNodeRef::Arguments(arguments) if arguments.is_empty() => {}
            AnyNodeRef::Parameters(parameters) if parameters.is_empty() => {}
            AnyNodeRef::ExprStringLiteral(_)
            | AnyNodeRef::ExprBytesLiteral(_)
            | AnyNodeRef::ExprFString(_)
            | AnyNodeRef::ExprTString(_) => self.text.push(' '),
            _ => self.text.push(')'),
        }
    }

    fn visit_body(&mut self, body: &'a [Stmt]) {
        self.text.push('{');
        let leading = leading_strings(body);
        if leading > 0 && leading == body.len() {
            self.text.push_str("StmtPass()");
        }
        for stmt in &body[leading..] {
            self.visit_stmt(stmt);
        }
        self.text.push('}');
    }
}

impl<'a> Writer<'a> {
    /// What a node says that its children do not. Children whose presence could be mistaken are announced.
    fn details(&mut self, node: AnyNodeRef<'a>) {
        match node {
            AnyNodeRef::StmtFunctionDef(def) => {
                let returns = def.returns.is_some();
                put!(self, " {} {} {} {returns}", def.name, def.is_async, def.decorator_list.len());
            }
            AnyNodeRef::StmtClassDef(class) => put!(self, " {} {}", class.name, class.decorator_list.len()),
            AnyNodeRef::StmtAugAssign(assign) => put!(self, " {:?}", assign.op),
            AnyNodeRef::StmtAnnAssign(assign) => put!(self, " {}", assign.simple),
            AnyNodeRef::StmtFor(each) => put!(self, " {}", each.is_async),
            AnyNodeRef::StmtWith(with) => put!(self, " {}", with.is_async),
            AnyNodeRef::StmtTry(attempt) => put!(self, " {}", attempt.is_star),
            AnyNodeRef::StmtRaise(raise) => put!(self, " {} {}", raise.exc.is_some(), raise.cause.is_some()),
            AnyNodeRef::StmtImportFrom(import) => {
                put!(self, " {} {:?}", import.level, import.module.as_deref());
            }
            AnyNodeRef::StmtGlobal(global) => global.names.iter().for_each(|name| put!(self, " {name}")),
            AnyNodeRef::StmtNonlocal(nonlocal) => {
                nonlocal.names.iter().for_each(|name| put!(self, " {name}"));
            }
            AnyNodeRef::ElifElseClause(clause) => put!(self, " {}", clause.test.is_some()),
            AnyNodeRef::ExceptHandlerExceptHandler(handler) => {
                put!(self, " {:?} {}", handler.name.as_deref(), handler.type_.is_some());
            }
            AnyNodeRef::ExprBoolOp(expr) => put!(self, " {:?}", expr.op),
            AnyNodeRef::ExprBinOp(expr) => put!(self, " {:?}", expr.op),
            AnyNodeRef::ExprUnaryOp(expr) => put!(self, " {:?}", expr.op),
            AnyNodeRef::ExprCompare(expr) => put!(self, " {:?}", expr.ops),
            AnyNodeRef::ExprDict(dict) => {
                dict.items.iter().for_each(|item| put!(self, " {}", u8::from(item.key.is_some())));
            }
            AnyNodeRef::ExprDictComp(comp) => put!(self, " {}", comp.key.is_some()),
            AnyNodeRef::ExprSlice(slice) => {
                let parts = [slice.lower.is_some(), slice.upper.is_some(), slice.step.is_some()];
                put!(self, " {parts:?}");
            }
            AnyNodeRef::ExprAttribute(attribute) => put!(self, " {}", attribute.attr),
            AnyNodeRef::ExprName(name) => put!(self, " {}", name.id),
            AnyNodeRef::ExprBooleanLiteral(boolean) => put!(self, " {}", boolean.value),
            AnyNodeRef::ExprNumberLiteral(number) => match &number.value {
                Number::Int(int) => put!(self, " {int}"),
                Number::Float(float) => put!(self, " {float:?}"),
                Number::Complex { real, imag } => put!(self, " {real:?} {imag:?}j"),
            },
            AnyNodeRef::Comprehension(clause) => put!(self, " {}", clause.is_async),
            AnyNodeRef::Parameters(parameters) => {
                let counts =
                    [parameters.posonlyargs.len(), parameters.args.len(), parameters.kwonlyargs.len()];
                put!(self, " {counts:?} {} {}", parameters.vararg.is_some(), parameters.kwarg.is_some());
            }
            AnyNodeRef::Parameter(parameter) => put!(self, " {}", parameter.name),
            AnyNodeRef::Keyword(keyword) => put!(self, " {:?}", keyword.arg.as_deref()),
            AnyNodeRef::Alias(alias) => put!(self, " {} {:?}", alias.name, alias.asname.as_deref()),
            AnyNodeRef::PatternMatchSingleton(pattern) => put!(self, " {:?}", pattern.value),
            AnyNodeRef::PatternMatchMapping(pattern) => put!(self, " {:?}", pattern.rest.as_deref()),
            AnyNodeRef::PatternMatchStar(pattern) => put!(self, " {:?}", pattern.name.as_deref()),
            AnyNodeRef::PatternMatchAs(pattern) => put!(self, " {:?}", pattern.name.as_deref()),
            AnyNodeRef::PatternKeyword(pattern) => put!(self, " {}", pattern.attr),
            AnyNodeRef::TypeParamTypeVar(param) => put!(self, " {} {}", param.name, param.bound.is_some()),
            AnyNodeRef::TypeParamTypeVarTuple(param) => put!(self, " {}", param.name),
            AnyNodeRef::TypeParamParamSpec(param) => put!(self, " {}", param.name),
            _ => {}
        }
    }

    /// A string's value, or its source where the value is not exact.
    fn characters(&mut self, mark: char, value: &str, range: TextRange) {
        if value.contains(char::REPLACEMENT_CHARACTER) {
            put!(self, "{mark}={:?}", &self.source[range]);
        } else {
            put!(self, "{mark}{value:?}");
        }
    }

    fn f_string(&mut self, string: &'a ExprFString) {
        self.text.push_str("f[");
        let mut literal = String::new();
        for part in &string.value {
            match part {
                FStringPart::Literal(part) if part.contains(char::REPLACEMENT_CHARACTER) => {
                    self.flush(&mut literal);
                    self.characters('s', part, part.range());
                }
                FStringPart::Literal(part) => literal.push_str(part),
                FStringPart::FString(part) => {
                    // A surrogate's source depends on the prefix, so the whole part is written.
                    let exact = part
                        .elements
                        .literals()
                        .all(|text| !text.value.contains(char::REPLACEMENT_CHARACTER));
                    if exact {
                        self.elements(&part.elements, &mut literal);
                    } else {
                        self.flush(&mut literal);
                        put!(self, "f={:?}", &self.source[part.range]);
                    }
                }
            }
        }
        self.flush(&mut literal);
        self.text.push(']');
    }

    fn elements(
        &mut self,
        elements: impl IntoIterator<Item = &'a InterpolatedStringElement>,
        literal: &mut String,
    ) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(text) => literal.push_str(&text.value),
                InterpolatedStringElement::Interpolation(field) => {
                    self.flush(literal);
                    self.field(field);
                }
            }
        }
    }

    fn field(&mut self, field: &'a InterpolatedElement) {
        if field.debug_text.is_some() {
            put!(self, "={:?}", &self.source[field.range]);
            return;
        }
        self.text.push('<');
        source_order::walk_expr(self, &field.expression);
        put!(self, "!{:?}", field.conversion);
        if let Some(spec) = &field.format_spec {
            self.text.push(':');
            let mut literal = String::new();
            self.elements(&spec.elements, &mut literal);
            self.flush(&mut literal);
        }
        self.text.push('>');
    }

    fn flush(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            put!(self, "s{literal:?}");
            literal.clear();
        }
    }
}
