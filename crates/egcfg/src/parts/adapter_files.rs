//! What a file is, told by how it begins: whether an adapter was given where a model belongs, or anything else for an adapter.

use std::io::Read as _;
use std::path::Path;

use egcfg_files::Origin;
use egcfg_gguf::Head;
use egcfg_hub::adapter::is_peft;

use crate::exit::Failure;

/// An error where a model's name is that of an adapter: a folder that PEFT saved, its weights, or a GGUF adapter. Each of them would
/// else be refused for what it is not.
pub(super) fn refuse_as_model(model: &Path) -> Result<(), Failure> {
    let (what, lora) = if is_peft(model) {
        ("a folder with an adapter", model)
    } else if is_weights(model) {
        // The folder is what --lora takes.
        ("the weights of an adapter", model.parent().filter(|folder| is_peft(folder)).unwrap_or(model))
    } else if begins_with(model, b"GGUF")
        && Head::open(model).is_ok_and(|head| head.text("general.type") == Some("adapter"))
    {
        ("an adapter", model)
    } else {
        return Ok(());
    };
    let lora = if lora.as_os_str().is_empty() { Path::new(".") } else { lora };
    Err(Failure::model(format!("failed to load model {}: it is {what}, not a model", model.display())).hint(
        format!("name the model it was made for with --model, and give it as --lora {}", lora.display()),
    ))
}

/// Whether a file is safetensors with the matrices of an adapter. The names stand at its beginning, behind eight bytes.
fn is_weights(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
        && beginning(path, 1 << 16).is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains(".lora_A."))
}

fn begins_with(path: &Path, magic: &[u8]) -> bool {
    beginning(path, magic.len() as u64).is_some_and(|bytes| bytes == magic)
}

/// Whether a file is of another format than GGUF. Of one that cannot be read nothing is known; its loader says why it cannot.
pub(super) fn is_no_gguf(path: &Path) -> bool {
    beginning(path, 4).is_some_and(|bytes| bytes != b"GGUF")
}

/// The first bytes of a file that can be read.
fn beginning(path: &Path, most: u64) -> Option<Vec<u8>> {
    let (file, _) = egcfg_files::open(path, Origin::Named).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
