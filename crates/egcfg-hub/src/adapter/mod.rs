//! Low-rank adapters between the two forms they come in: PEFT's folder (`adapter_config.json`, `adapter_model.safetensors`)
//! and one GGUF file. The numbers stay single precision both ways. What PEFT can express and the other form or the engine
//! cannot is refused by the name of its field.

mod base;
mod names;
mod peft;
mod summary;
mod to_gguf;
mod to_peft;

pub use base::Base;
pub(crate) use peft::sources;
pub use peft::{CONFIG, Settings, is_peft};
pub use summary::AdapterSummary;
pub use to_gguf::to_gguf;
pub use to_peft::to_peft;
