//! P5: who can write the bytes that others read makes them fail with an error or read a wrong payload;
//! they never panic, reach outside, or loop for ever.
//!
//! What is judged runs in a child process, so that a fault is a verdict and not this process's end;
//! broken twins show that each fault is seen. The fuzz targets in `fuzz/` search for more.

#[path = "hostile/judge.rs"]
mod judge;
#[path = "hostile/objects.rs"]
mod objects;
#[path = "hostile/queues.rs"]
mod queues;
#[path = "hostile/runs.rs"]
mod runs;
#[path = "hostile/segments.rs"]
mod segments;
#[path = "hostile/slices.rs"]
mod slices;
#[path = "hostile/streams.rs"]
mod streams;
#[path = "hostile/topics.rs"]
mod topics;
#[path = "hostile/twins.rs"]
mod twins;
