//! From the hub into its cache: [`remote`] says what a name stands for and where it goes, [`transfer`] brings one file's bytes,
//! [`fault`] tells what another attempt may mend from what it cannot.

mod attempts;
mod error;
mod fault;
mod remote;
mod transfer;

pub use error::DownloadError;
pub use remote::{ENDPOINT, Remote};
