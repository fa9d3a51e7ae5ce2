//! Searching a task's tree until a program passes the shown tests or the budget is spent: grow by a policy, run what is
//! new, tell what came of it. [`best_of`] is the search without a tree's advantages, the baseline.

mod blended;
mod budget;
mod choosing;
mod closing;
mod guided;
mod judging;
mod outcome;
mod run;
mod settings;

pub use budget::{Budget, Limits};
pub use choosing::{Choosing, ChoosingError};
pub use guided::search_guided;
pub use outcome::{Program, Searched, prompt_tokens};
pub use run::{best_of, best_of_batched, search};
pub use settings::{Guided, Search};
