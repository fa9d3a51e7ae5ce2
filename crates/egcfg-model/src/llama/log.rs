//! llama.cpp's own messages: kept off the terminal, the last lines remembered, so that a failed load can quote what the
//! library said.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, Once, PoisonError};

use llama_cpp_sys_2::{GGML_LOG_LEVEL_ERROR, GGML_LOG_LEVEL_WARN, ggml_log_level, llama_log_set};

/// Lines remembered.
const KEPT: usize = 16;

static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static INSTALL: Once = Once::new();

/// Routes the library's messages here; from the second call on a no-op.
pub(crate) fn capture() {
    INSTALL.call_once(|| {
        // SAFETY: the callback is a plain function with the expected signature; it needs no user data and lives forever.
        unsafe { llama_log_set(Some(remember), std::ptr::null_mut()) };
    });
}

/// Forgets what was said so far.
pub(crate) fn clear() {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The warnings and errors since [`clear`], oldest first.
pub(crate) fn last_lines() -> Vec<String> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

extern "C" fn remember(level: ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() || (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) {
        return;
    }
    // SAFETY: llama.cpp passes a NUL-terminated string that lives for the duration of the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let line = text.trim();
    if line.is_empty() {
        return;
    }
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}
