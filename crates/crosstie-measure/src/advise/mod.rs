//! Which mechanism for a job: from what each can do and from what was measured here.
//!
//! | file | what it is |
//! |---|---|
//! | `need` | what the job needs |
//! | `ability` | what each mechanism can do, whatever the machine |
//! | `estimate` | what it costs here, from the measured sizes around the asked one |
//! | `recommend` | who falls out and why, who is first and at what price |
//! | `text` | the answer on one screen |

mod ability;
mod estimate;
mod need;
mod recommend;
mod text;

pub use estimate::Estimate;
pub use need::{Need, Scope, Want};
pub use recommend::{Advice, Candidate, Rejection, Relaxation, recommend};
pub use text::text;
