//! `/get_reward`, in the form in which OpenRLHF calls a reward model elsewhere: lists of queries, prompts and labels go in,
//! and a number per query comes out. A label holds a task's tests; the program is taken out of the answer and judged. A
//! sandbox that failed is an error of the whole request, which the trainer tries again, and never a reward of nothing.

mod answer;
mod handle;
mod label;

pub(crate) use handle::handle;
