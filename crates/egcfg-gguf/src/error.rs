//! What is wrong with a file: the field, and why.

/// A field of a GGUF file that cannot be right, or that says that the file is for something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct HeadError {
    /// The metadata's key or the tensor's name; empty where the reason says all.
    pub field: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl HeadError {
    pub(crate) fn new(field: &str, reason: impl Into<String>) -> Self {
        // A name comes from the file: only what can be shown is kept of it.
        let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        let named = !matches!(field, "magic" | "file");
        let field = if named { field.chars().take(80).map(shown).collect() } else { String::new() };
        Self { field, reason: reason.into() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
    pub(crate) fn io(error: std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::UnexpectedEof => "the file became shorter while it was read".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        Self { field: String::new(), reason }
    }
}
