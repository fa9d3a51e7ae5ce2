//! What people read of an experiment: a live dashboard over a results folder, tables, and one self-contained HTML file.
//! A [`Folder`] is what was read, a [`Report`] what can honestly be said about it; the rest writes that down. Nothing here
//! decides anything or changes a file of the experiment.

#![allow(clippy::float_cmp, reason = "gammas and temperatures are names here: read, never computed")]

mod cell;
pub mod csv;
mod curve;
mod error;
mod experiment;
mod folder;
pub mod html;
mod interval;
mod numbers;
mod published;
mod replay;
mod report;
mod row;
pub mod table;
pub mod watch;

pub use cell::{Cell, TestOutcome};
pub use error::ReportError;
pub use experiment::Experiment;
pub use folder::{Filter, Folder, Group};
pub use interval::{Interval, Score};
pub use numbers::{Kind, Number};
pub use published::Published;
pub use replay::{Head, Replay, Step, Token};
pub use report::{Fixed, GroupReport, REPORT_VERSION, Report};
pub use row::Row;
