//! Layer L2: a control group per run. The kernel counts memory and processes of the whole tree in it, whatever the tree
//! does, and says afterwards whether a limit was met. [`find`] says where groups can be made, [`parent`] holds the group of
//! one sandbox, [`run`] the group of one run, and [`trial`] finds out whether the limits really hold.

mod end;
mod files;
mod find;
mod held;
mod parent;
mod run;
mod stale;
mod trial;

pub(crate) use find::Version;
pub(crate) use parent::Groups;
pub(crate) use run::Group;
pub(crate) use trial::{Found, missing, prove};
