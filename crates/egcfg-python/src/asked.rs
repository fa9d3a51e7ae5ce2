//! Whether a test asks the program anything: which names it takes from elsewhere, as Python's scopes have it. A name that the test
//! itself has bound is not the program's any more, and neither is one in a place that never runs or decides nothing.

use std::collections::HashSet;

use ruff_python_ast::visitor::source_order::{
    SourceOrderVisitor, walk_except_handler, walk_expr, walk_parameter, walk_stmt,
};
use ruff_python_ast::{Alias, Comprehension, ExceptHandler, Expr, ExprContext, Parameter, Stmt};

use crate::bound_names::{WAYS, bound_by, bound_name, is_known, local_to, names_in};
use crate::truths::is_empty;

/// The names of a text: what it binds, and what it takes from elsewhere.
#[derive(Default)]
pub(crate) struct Names {
    binds: HashSet<String>,
    /// Names that it uses while they are not its own.
    loads: HashSet<String>,
    /// What its statements so far have bound at the top level, for certain.
    rebound: HashSet<String>,
    /// Per function, lambda or comprehension around: the names that are local to it.
    scopes: Vec<HashSet<String>>,
}

impl Names {
    /// The names of a setup.
    pub(crate) fn of(body: &[Stmt]) -> Self {
        let mut names = Self::default();
        names.read(body);
        names
    }

    /// Whether a test may ask something of the program: it names the entry point, or what neither itself, nor Python, nor a
    /// setup that has nothing of the program defines; or it reaches the program by a way that no name shows. `before` are the
    /// names of the setup.
    pub(crate) fn asks(body: &[Stmt], entry_point: &str, before: &Self) -> bool {
        let setup_asks = before
            .loads
            .iter()
            .any(|name| name == entry_point || !(before.binds.contains(name) || is_known(name)));
        let mut names = Self::default();
        if !setup_asks {
            names.rebound.clone_from(&before.rebound);
        }
        names.read(body);
        let of_program = |name: &String| {
            name == entry_point
                || name == "candidate"
                || WAYS.contains(&name.as_str())
                || !(names.binds.contains(name) || is_known(name))
        };
        names.loads.iter().any(|name| {
            of_program(name) && (setup_asks || name == entry_point || !before.binds.contains(name))
        })
    }

    fn read(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::For(repeat) if !is_empty(&repeat.iter) => {
                    self.visit_expr(&repeat.iter);
                    self.visit_expr(&repeat.target);
                    bound_by(stmt, &mut self.rebound);
                    self.visit_body(&repeat.body);
                    self.visit_body(&repeat.orelse);
                }
                Stmt::With(with) => {
                    with.items.iter().for_each(|item| self.visit_with_item(item));
                    bound_by(stmt, &mut self.rebound);
                    self.read(&with.body);
                }
                _ => {
                    self.visit_stmt(stmt);
                    // Only now: the value of an assignment is computed before its name changes.
                    bound_by(stmt, &mut self.rebound);
                }
            }
        }
    }

    fn inside(&mut self, local: HashSet<String>, walk: impl FnOnce(&mut Self)) {
        self.scopes.push(local);
        walk(self);
        self.scopes.pop();
    }

    /// Generators of a comprehension, and its value behind them. What a literally empty one holds never runs.
    fn comprehension(&mut self, generators: &[Comprehension], values: &[&Expr]) {
        let mut local = HashSet::new();
        for generator in generators {
            names_in(&generator.target, &mut local);
        }
        self.binds.extend(local.iter().cloned());
        self.inside(local, |names| {
            for generator in generators {
                names.visit_expr(&generator.iter);
                if is_empty(&generator.iter) {
                    return;
                }
                for condition in &generator.ifs {
                    names.visit_expr(condition);
                }
            }
            for value in values {
                names.visit_expr(value);
            }
        });
    }
}

impl<'a> SourceOrderVisitor<'a> for Names {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                self.binds.insert(def.name.to_string());
                def.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
                self.visit_parameters(&def.parameters);
                let mut local = local_to(&def.parameters, &def.body);
                // A function that calls itself calls no other.
                local.insert(def.name.to_string());
                self.inside(local, |names| names.visit_body(&def.body));
                return;
            }
            Stmt::ClassDef(def) => _ = self.binds.insert(def.name.to_string()),
            Stmt::For(repeat) if is_empty(&repeat.iter) => return self.visit_body(&repeat.orelse),
            // What is said of a failure decides nothing.
            Stmt::Assert(assert) => return self.visit_expr(&assert.test),
            // Something may be the program itself, imported by its file's name.
            Stmt::ImportFrom(import)
                if import.module.as_ref().is_some_and(|module| WAYS.contains(&module.as_str())) =>
            {
                self.loads.insert("solution".to_owned());
            }
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                let own = self.rebound.contains(name.id.as_str())
                    || self.scopes.iter().any(|scope| scope.contains(name.id.as_str()));
                if !own {
                    self.loads.insert(name.id.to_string());
                }
            }
            Expr::Name(name) => _ = self.binds.insert(name.id.to_string()),
            Expr::ListComp(list) => return self.comprehension(&list.generators, &[&list.elt]),
            Expr::SetComp(set) => return self.comprehension(&set.generators, &[&set.elt]),
            Expr::Generator(items) => return self.comprehension(&items.generators, &[&items.elt]),
            Expr::DictComp(dict) => {
                let values: Vec<&Expr> = dict.key.as_deref().into_iter().chain([&*dict.value]).collect();
                return self.comprehension(&dict.generators, &values);
            }
            Expr::Lambda(lambda) => {
                let mut local = HashSet::new();
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                    local.extend(parameters.iter().map(|parameter| parameter.name().to_string()));
                }
                return self.inside(local, |names| names.visit_expr(&lambda.body));
            }
            _ => {}
        }
        walk_expr(self, expr);
    }

    fn visit_alias(&mut self, alias: &'a Alias) {
        self.binds.insert(bound_name(alias).to_owned());
        if WAYS.contains(&alias.name.as_str()) {
            self.loads.insert("solution".to_owned());
        }
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.binds.insert(parameter.name.to_string());
        walk_parameter(self, parameter);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.binds.insert(name.to_string());
        }
        walk_except_handler(self, handler);
    }
}
