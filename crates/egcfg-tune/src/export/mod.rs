//! Experiences in the forms that other trainers read. Prompts are given by the caller (as the model was asked, without a
//! signal block), since a buffer holds programs and not prompts.

mod forms;

pub use forms::{ExportForm, Exported, Prompts, export};
