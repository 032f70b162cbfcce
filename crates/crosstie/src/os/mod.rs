//! Safe wrappers, one kernel object a file; the only users of rustix and libc.
//!
//! | module | wraps |
//! |---|---|
//! | [`account`] | users and groups by name |
//! | [`affinity`] | which processors a thread may run on |
//! | [`alarm`] | a descriptor that is readable from a deadline on |
//! | [`ancestry`] | whether one's ancestors only wait |
//! | [`boot`] | which boot of the machine this is |
//! | [`byte_stream`] | bytes in order on a pipe, a stream socket or a file |
//! | [`clock`] | the monotonic clock |
//! | [`directory`] | directories held open, and the files in them |
//! | [`doorbell`] | FIFOs into which anybody writes a byte to wake who waits |
//! | [`fd_passing`] | descriptors that travel over a Unix socket |
//! | [`fifo`] | FIFOs in packet mode |
//! | [`file_lock`] | locks that end with their holder |
//! | [`forward`] | signals that are passed on to a child |
//! | [`futex`] | sleeping on one word, or on several |
//! | [`held_spawn`] | a child that runs nothing before it is on record |
//! | [`inherited`] | descriptors that the parent left open |
//! | [`interruption`] | waits that a signal may end |
//! | [`membarrier`] | the fence that sleepers pay for |
//! | [`memory`] | mappings, unnamed files, POSIX names, reserved space |
//! | [`message_socket`] | sockets that keep boundaries |
//! | [`notice`] | a descriptor that a thread of this process makes readable |
//! | [`name`] | names of objects |
//! | [`parent`] | a child that ends with its parent |
//! | [`pipe`] | pipes |
//! | [`poll`] | waiting for one descriptor, or for many |
//! | [`posix_semaphore`] | semaphores that C programs open by name |
//! | [`process`] | who a process or thread is |
//! | `program` | a program as exec takes it |
//! | [`random`] | random numbers |
//! | `reactor` | a descriptor that a tokio runtime watches (feature `tokio`) |
//! | [`robust_list`] | words that the kernel marks when a thread ends |
//! | [`session`] | what a user's last logout deletes |
//! | `shared_child` | a child that has our memory until it executes |
//! | [`signal`] | SIGPIPE that does not kill |
//! | [`signal_state`] | which signals are blocked and ignored |
//! | [`single_step`] | a child that runs one instruction at a time |
//! | [`spawn`] | children that inherit one descriptor |
//! | [`tcp`] | TCP |
//! | [`terminal`] | the terminal that a person looks at |
//! | [`thread_pointer`] | the address that each thread has to itself |
//! | [`ticks`] | a descriptor that is readable again and again |
//! | [`trace`] | counting system calls |
//! | [`udp`] | UDP |
//! | [`unix`] | Unix sockets |
//! | [`usage`] | processor time |

pub mod account;
pub mod affinity;
pub mod alarm;
pub mod ancestry;
pub mod boot;
pub mod byte_stream;
pub mod clock;
pub mod directory;
pub mod doorbell;
pub mod fd_passing;
pub mod fifo;
pub mod file_lock;
pub mod forward;
pub mod futex;
mod gather;
pub mod held_spawn;
pub mod inherited;
pub mod interruption;
pub mod membarrier;
pub mod memory;
pub mod message_socket;
pub mod name;
pub mod notice;
pub mod parent;
pub mod pipe;
pub mod poll;
pub mod posix_semaphore;
pub mod process;
mod program;
pub mod random;
#[cfg(feature = "tokio")]
pub mod reactor;
pub mod robust_list;
pub mod session;
mod shared_child;
pub mod signal;
pub mod signal_state;
pub mod single_step;
pub mod spawn;
pub mod tcp;
pub mod terminal;
pub mod thread_pointer;
pub mod ticks;
pub mod trace;
pub mod udp;
pub mod unix;
pub mod usage;
