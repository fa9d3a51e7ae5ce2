//! What CPython's tokenizer refuses and Ruff's does not look at: rules on characters and literals, not on grammar.

use crate::fault::SyntaxFault;
use crate::version::PythonVersion;

/// Checks the rules that need no tokens.
pub(crate) fn check(source: &str, _version: PythonVersion) -> Result<(), SyntaxFault> {
    let fault = |offset: usize, message: &str| {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Err(SyntaxFault::at(source, offset.into(), message))
    };
    if let Some(offset) = source.bytes().position(|byte| byte == 0) {
        return fault(offset, "source contains a null byte");
    }
    if source.starts_with('\u{feff}') {
        return fault(0, "source begins with a byte order mark");
    }
    Ok(())
}
