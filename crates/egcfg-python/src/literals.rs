//! Literals that the grammar allows and CPython refuses all the same.

use crate::version::PythonVersion;

/// Decimal digits that an integer literal may have (`sys.int_info.default_max_str_digits`, since the security releases
/// of September 2022, which reached every branch from 3.7 on).
const MAX_DIGITS: usize = 4_300;

/// Checks the text of a number.
pub(crate) fn check_number(text: &str, _version: PythonVersion) -> Result<(), &'static str> {
    if text.len() <= MAX_DIGITS {
        return Ok(());
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if decimal && digits > MAX_DIGITS { Err("integer literal has more than 4300 digits") } else { Ok(()) }
}
