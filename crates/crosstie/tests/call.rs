//! Request and reply, the same over every address.

#[cfg(feature = "tokio")]
#[path = "call/async_server.rs"]
mod async_server;
#[path = "call/contract.rs"]
mod contract;
#[path = "call/deadlocks.rs"]
mod deadlocks;
#[path = "call/deaths.rs"]
mod deaths;
#[cfg(feature = "tokio")]
#[path = "call/futures.rs"]
mod futures;
#[path = "call/limits.rs"]
mod limits;
#[path = "call/order.rs"]
mod order;
#[path = "call/panics.rs"]
mod panics;
#[path = "call/servers.rs"]
mod servers;
#[path = "call/stage.rs"]
mod stage;
#[path = "call/strangers.rs"]
mod strangers;
#[path = "call/streams.rs"]
mod streams;
