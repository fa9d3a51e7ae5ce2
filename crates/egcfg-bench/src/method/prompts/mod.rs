//! The messages of the compared methods: TOML files of Jinja texts, one file per method, and parts that they share. All of
//! them are written for this project.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use egcfg_guidance::TemplateError;
use egcfg_task::{Form, PromptType, Task, Test};
use minijinja::{Environment, UndefinedBehavior, Value, context};

type Texts = BTreeMap<String, String>;

/// The files, read once; their text never changes, so that a mistake in one is found by the first test that reads it.
static FILES: LazyLock<BTreeMap<&'static str, Result<Texts, String>>> = LazyLock::new(|| {
    let files = [
        ("shared", include_str!("shared.toml")),
        ("self_debugging", include_str!("self_debugging.toml")),
        ("mapcoder", include_str!("mapcoder.toml")),
        ("mgdebugger", include_str!("mgdebugger.toml")),
        ("lpw", include_str!("lpw.toml")),
        ("pat", include_str!("pat.toml")),
        ("rex", include_str!("rex.toml")),
    ];
    files.into_iter().map(|(name, text)| (name, toml::from_str(text).map_err(|e| e.to_string()))).collect()
});

/// The messages of one method.
pub(super) struct Prompts {
    method: &'static str,
    jinja: Environment<'static>,
}

impl Prompts {
    /// Reads a method's file and the shared parts.
    pub(super) fn of(method: &'static str) -> Result<Self, TemplateError> {
        let mut jinja = Environment::new();
        jinja.set_undefined_behavior(UndefinedBehavior::Strict);
        jinja.set_keep_trailing_newline(true);
        let prompts = Self { method, jinja };
        let mut jinja = prompts.jinja.clone();
        for file in ["shared", method] {
            let texts = FILES.get(file).ok_or_else(|| prompts.fail("there is no such file"))?;
            for (name, text) in texts.as_ref().map_err(|reason| prompts.fail(reason))? {
                jinja.add_template(name, text).map_err(|error| prompts.fail(&format!("{error:#}")))?;
            }
        }
        Ok(Self { method, jinja })
    }

    /// Renders a message about a task.
    pub(super) fn render(
        &self,
        message: &str,
        task: &Task,
        prompt: PromptType,
        values: &Value,
    ) -> Result<String, TemplateError> {
        let tests: Vec<String> = task.shown_tests.iter().map(Test::in_words).collect();
        let values = context! {
            ..values.clone(),
            ..context! {
                task => task.prompt.trim_end(),
                tests,
                entry_point => task.entry_point,
                header => task.header.trim_end(),
                stdio => task.form == Form::Stdio,
                small_steps => prompt == PromptType::LongCode,
            }
        };
        let template = self.jinja.get_template(message).map_err(|error| self.fail(&error.to_string()))?;
        template.render(values).map_err(|error| self.fail(&format!("{message}: {error:#}")))
    }

    fn fail(&self, reason: &str) -> TemplateError {
        TemplateError { name: self.method.to_owned(), reason: reason.to_owned() }
    }
}
