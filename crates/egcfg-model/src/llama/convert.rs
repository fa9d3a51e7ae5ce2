//! A single-precision copy of a model file: exactness tests of a decoder need arithmetic whose noise is far below the
//! differences they look for.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::path::Path;

use llama_cpp_sys_2::{LLAMA_FTYPE_ALL_F32, llama_model_quantize, llama_model_quantize_default_params};

use crate::error::ModelError;
use crate::llama::{load, log};

/// Writes a copy of a GGUF file whose tensors are all f32. Metadata is kept.
pub fn convert_to_f32(from: &Path, to: &Path) -> Result<(), ModelError> {
    let fail = |reason: String| ModelError::Load { path: from.display().to_string(), reason };
    let as_c = |path: &Path| {
        CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| fail("its path holds a zero byte".to_owned()))
    };
    let (source, target) = (as_c(from)?, as_c(to)?);
    load::backend()?;
    log::clear();
    // SAFETY: both paths are NUL-terminated strings that outlive the call; the parameters are the library's own defaults
    // with plain values changed, and every pointer in them is null.
    let status = unsafe {
        let mut params = llama_model_quantize_default_params();
        params.ftype = LLAMA_FTYPE_ALL_F32;
        params.allow_requantize = true;
        params.nthread = 1;
        llama_model_quantize(source.as_ptr(), target.as_ptr(), &raw const params)
    };
    if status == 0 {
        return Ok(());
    }
    Err(fail(format!("llama.cpp could not copy it to {}: {}", to.display(), log::last_lines().join("; "))))
}
