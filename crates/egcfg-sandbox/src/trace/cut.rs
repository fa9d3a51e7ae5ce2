//! Why a trace stops where it does, as far as only the supervisor knows.

use egcfg_task::{Cut, Trace, Verdict};

/// A trace that stops because the run was stopped says which way.
pub(crate) fn mark_cut(trace: &mut Trace, verdict: &Verdict) {
    if trace.cut == Some(Cut::Died) && matches!(verdict, Verdict::Timeout { .. } | Verdict::Unfinished) {
        trace.cut = Some(Cut::Time);
    }
}
