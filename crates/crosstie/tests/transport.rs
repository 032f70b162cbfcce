//! What the kernel's channels promise, mechanism by mechanism.

#[path = "transport/contract.rs"]
mod contract;
#[path = "transport/datagrams.rs"]
mod datagrams;
#[path = "transport/descriptors.rs"]
mod descriptors;
#[path = "transport/ends.rs"]
mod ends;
#[path = "transport/fifos.rs"]
mod fifos;
#[path = "transport/forks.rs"]
mod forks;
#[path = "transport/hardship.rs"]
mod hardship;
#[path = "transport/page.rs"]
mod page;
#[path = "transport/stage.rs"]
mod stage;
