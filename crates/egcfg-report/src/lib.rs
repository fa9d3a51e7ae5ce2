//! What people read of an experiment: a live dashboard over a results folder, tables, and one self-contained HTML file.
//! A [`Folder`](egcfg_results::read::Folder) is what was read, a [`Report`] what can honestly be said about it; the rest
//! writes that down. Nothing here decides anything or changes a file of the experiment.

#![allow(clippy::float_cmp, reason = "gammas and temperatures are names here: read, never computed")]

mod choices;
mod columns;
pub mod csv;
mod curve;
mod error;
mod fixed;
pub mod html;
pub mod methods;
mod numbers;
mod replay;
mod replay_log;
mod report;
mod row;
pub mod samples;
mod scores;
mod sides;
pub mod svg;
pub mod table;
pub mod watch;

pub use curve::{Axis, Curve, Point};
pub use error::ReportError;
pub use fixed::Fixed;
pub use numbers::{Kind, Number};
pub use replay::{Head, Replay, Step, Token};
pub use report::{GroupReport, REPORT_VERSION, Report};
pub use row::Row;
pub use sides::{Comparison, Side};
