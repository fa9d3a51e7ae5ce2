//! Rules of CPython's compiler on single nodes that Ruff's checker does not know, or dates differently.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{
    self as ast, Expr, ExprContext, InterpolatedElement, Pattern, PythonVersion, Stmt, StringLiteral,
};
use ruff_python_parser::semantic_errors::{SemanticSyntaxErrorKind, WriteToDebugKind};
use ruff_text_size::{Ranged, TextRange};

use crate::strip::leading_strings;
use crate::units::Judgement;
use crate::version::PythonVersion as Release;

/// What Ruff's checker reports although that release's CPython allows it.
pub(crate) fn is_allowed_after_all(kind: &SemanticSyntaxErrorKind) -> bool {
    let deleted = SemanticSyntaxErrorKind::WriteToDebug(WriteToDebugKind::Delete(PythonVersion::PY39));
    *kind == deleted
}

pub(crate) fn statement(stmt: &Stmt, version: Release) -> Judgement {
    match stmt {
        Stmt::Expr(expr) if expr.value.is_starred_expr() => Err("can't use starred expression here"),
        Stmt::Match(_) if !version.at_least(10) => Err("cannot use `match` statement before 3.10"),
        Stmt::Try(attempt) => {
            let handlers = attempt.handlers.iter().filter_map(|handler| handler.as_except_handler());
            let last = attempt.handlers.len().saturating_sub(1);
            let catches_all = handlers.take(last).any(|handler| handler.type_.is_none());
            if catches_all { Err("default `except:` must be last") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

pub(crate) fn expression(expr: &Expr) -> Judgement {
    let debug = match expr {
        Expr::Attribute(attribute) => attribute.ctx != ExprContext::Load && &attribute.attr == "__debug__",
        Expr::Call(call) => has_debug_keyword(&call.arguments),
        _ => false,
    };
    if debug { Err("cannot assign to `__debug__`") } else { Ok(()) }
}

pub(crate) fn has_debug_keyword(arguments: &ast::Arguments) -> bool {
    arguments.keywords.iter().any(|keyword| keyword.arg.as_deref() == Some("__debug__"))
}

/// Defaults of type parameters came with 3.13; Ruff looks at those of plain type variables.
pub(crate) fn type_params(params: &ast::TypeParams, version: Release) -> Judgement {
    let has_default = |param: &ast::TypeParam| match param {
        ast::TypeParam::TypeVar(param) => param.default.is_some(),
        ast::TypeParam::TypeVarTuple(param) => param.default.is_some(),
        ast::TypeParam::ParamSpec(param) => param.default.is_some(),
    };
    if !version.at_least(13) && params.type_params.iter().any(has_default) {
        return Err("cannot set the default of a type parameter before 3.13");
    }
    Ok(())
}

pub(crate) fn pattern(pattern: &Pattern) -> Judgement {
    match pattern {
        Pattern::MatchValue(value) if matches!(*value.value, Expr::FString(_) | Expr::TString(_)) => {
            Err("patterns may only match literals and attribute lookups")
        }
        Pattern::MatchOr(choice) => {
            let last = choice.patterns.len().saturating_sub(1);
            let catches_all =
                choice.patterns[..last].iter().any(|pattern| pattern.irrefutable_pattern().is_some());
            if catches_all { Err("alternative makes remaining patterns unreachable") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// An annotation that is kept as text (`from __future__ import annotations`) has a scope of its own since 3.10.
pub(crate) fn text_annotation(expr: &Expr, version: Release) -> Judgement {
    struct Finder(bool);
    impl Visitor<'_> for Finder {
        fn visit_expr(&mut self, expr: &Expr) {
            match expr {
                Expr::Named(_) | Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) => self.0 = true,
                // These have their own scopes, but for what is evaluated outside of them.
                Expr::ListComp(ast::ExprListComp { generators, .. })
                | Expr::SetComp(ast::ExprSetComp { generators, .. })
                | Expr::DictComp(ast::ExprDictComp { generators, .. })
                | Expr::Generator(ast::ExprGenerator { generators, .. }) => {
                    generators.iter().take(1).for_each(|generator| self.visit_expr(&generator.iter));
                }
                Expr::Lambda(lambda) => {
                    let parameters = lambda.parameters.iter().flat_map(|all| all.iter_non_variadic_params());
                    parameters
                        .filter_map(|parameter| parameter.default())
                        .for_each(|default| self.visit_expr(default));
                }
                _ => walk_expr(self, expr),
            }
        }
    }
    let mut finder = Finder(false);
    if version.at_least(10) {
        finder.visit_expr(expr);
    }
    if finder.0 { Err("`:=`, `yield` and `await` cannot be used within an annotation") } else { Ok(()) }
}

/// A replacement field of an f-string, `nested` in so many format specifications.
pub(crate) fn field(source: &str, field: &InterpolatedElement, nested: usize, version: Release) -> Judgement {
    if field.expression.is_starred_expr() {
        return Err("can't use starred expression here");
    }
    // Since 3.12 f-strings are part of the grammar, which allows one level more and spaces after the conversion.
    let grammar = version.at_least(12);
    if nested > if grammar { 2 } else { 1 } {
        return Err("f-string: expressions nested too deeply");
    }
    if grammar || field.conversion.is_none() {
        return Ok(());
    }
    let end = field.format_spec.as_ref().map_or(field.end(), |spec| spec.start());
    let tail = &source[TextRange::new(field.expression.end(), end)];
    let after = tail.rfind('!').map_or("", |mark| &tail[mark + 1..]);
    if after.trim_end_matches([':', '}']).contains(char::is_whitespace) {
        return Err("f-string: expecting `}`");
    }
    Ok(())
}

/// From 3.13 on docstrings are cleaned by the compiler, which cannot encode half a surrogate pair.
pub(crate) fn docstring<'a>(source: &str, body: &'a [Stmt], version: Release) -> Option<&'a StringLiteral> {
    if !version.at_least(13) || leading_strings(body) == 0 {
        return None;
    }
    let doc = body.first()?.as_expr_stmt()?.value.as_string_literal_expr()?;
    doc.value
        .iter()
        .find(|part| part.contains(char::REPLACEMENT_CHARACTER) && has_surrogate(&source[part.range]))
}

/// Whether the source of a string has an escape for half a surrogate pair.
fn has_surrogate(source: &str) -> bool {
    let escapes = ["\\u", "\\U0000"].iter().flat_map(|prefix| {
        source.match_indices(prefix).map(|(index, prefix)| &source.as_bytes()[index + prefix.len()..])
    });
    let mut escapes = escapes;
    escapes.any(|rest| matches!(rest, [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]))
}
