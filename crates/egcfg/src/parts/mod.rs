//! The concrete parts behind the method's traits: a loaded model, a started sandbox. What they are is decided in
//! [`crate::settings`] and by the flags; here they come to life.

#[cfg(feature = "llama")]
mod adapter_files;
#[cfg(feature = "llama")]
mod adapters;
#[cfg(feature = "llama")]
mod hub;
mod model;
mod sandbox;
mod scripted;
mod watched;

#[cfg(feature = "llama")]
pub(crate) use hub::resolve as model_file;
pub(crate) use model::{Adapted, connect, load_model, load_models};
pub(crate) use sandbox::{
    concurrency, for_tasks, needs, sandbox_settings, start, start_runner, start_sandbox,
};
pub(crate) use watched::{beside_the_work, checkpoint_failure};
