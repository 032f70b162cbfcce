//! One address, measured: by two processes of this machine, or against another machine.
//!
//! | module | holds |
//! |---|---|
//! | [`patterns`] | round trips and one way, as many as fill a second, as a row |
//! | [`local`] | both sides on this machine |
//! | [`calls`] | calls, to a server here or elsewhere |
//! | [`remote`] | the other side is `bench ADDR --listen` somewhere |

pub mod calls;
pub mod local;
pub mod patterns;
pub mod remote;

pub use local::{Local, here};
pub use patterns::{Pattern, Want};
pub use remote::{against, listen};
