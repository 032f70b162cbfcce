//! Two threads of one process instead of two processes: what a channel could be without a boundary between its ends.
//!
//! They are driven by the same loops; only who speaks to them is a thread too.

use std::sync::mpsc;

use crosstie::os::affinity;
use crosstie::{Error, Result};
use crosstie_measure::engine::exchange::{Exchange, Fault, Inbound, Outbound, Play};
use crosstie_measure::engine::pair::Answers;
use crosstie_measure::engine::payload::Payloads;
use crosstie_measure::engine::side::perform;
use crosstie_measure::engine::spec::{Answer, Command, Role};

use peers_side::broken;

use crate::subject::PLACES;

/// Which channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `crossbeam_channel::bounded`, messages by value.
    Crossbeam,
    /// `rtrb::RingBuffer`, messages by value; both ends spin.
    Rtrb,
}

/// Two threads that are ready for commands; they end when this is dropped.
pub struct Threads {
    sides: [Side; 2],
}

struct Side {
    commands: mpsc::Sender<Command>,
    answers: mpsc::Receiver<std::result::Result<Answer, Fault>>,
}

/// The seed of the payloads: any will do.
const SEED: u64 = 0x00C0_5571_E000;

impl Threads {
    /// Starts them, each on its processor.
    ///
    /// # Errors
    /// The payload is none of the sizes that messages have here.
    pub fn start(shape: Shape, payload_bytes: usize, processors: Option<[usize; 2]>) -> Result<Self> {
        match payload_bytes {
            48 => Self::of::<48>(shape, processors),
            64 => Self::of::<64>(shape, processors),
            _ => Err(Error::new("measure", "threads", crosstie::ErrorKind::Unsupported)
                .because("messages go by value, and only small ones do")),
        }
    }

    fn of<const N: usize>(shape: Shape, processors: Option<[usize; 2]>) -> Result<Self> {
        let capacity = PLACES as usize;
        let client = Place { role: Role::Client, processors };
        let server = Place { role: Role::Server, processors };
        let sides = match shape {
            Shape::Crossbeam => {
                let (there, here) = crossbeam_channel::bounded::<[u8; N]>(capacity);
                let (back, away) = crossbeam_channel::bounded::<[u8; N]>(capacity);
                [
                    Side::start(client, Payloads::new(N, SEED)?, Channel(there), Channel(away)),
                    Side::start(server, Payloads::new(N, SEED)?, Channel(back), Channel(here)),
                ]
            }
            Shape::Rtrb => {
                let (there, here) = rtrb::RingBuffer::<[u8; N]>::new(capacity);
                let (back, away) = rtrb::RingBuffer::<[u8; N]>::new(capacity);
                [
                    Side::start(client, Payloads::new(N, SEED)?, Ring(there), Ring(away)),
                    Side::start(server, Payloads::new(N, SEED)?, Ring(back), Ring(here)),
                ]
            }
        };
        Ok(Self { sides })
    }

    /// Both do what a command says.
    ///
    /// # Errors
    /// A side saw a wrong payload, or is gone.
    pub fn perform(&mut self, command: Command) -> Result<Answers> {
        let gone = |_| Error::new("measure", "threads", crosstie::ErrorKind::Failed).because("one has ended");
        for side in &self.sides {
            side.commands.send(command).map_err(|_| gone(mpsc::RecvError))?;
        }
        let [client, server] = &self.sides;
        let answer = |side: &Side| side.answers.recv().map_err(gone)?.map_err(|fault| *fault);
        Ok(Answers { client: answer(client)?, server: answer(server)? })
    }
}

/// Which thread, and where.
#[derive(Clone, Copy)]
struct Place {
    role: Role,
    processors: Option<[usize; 2]>,
}

impl Side {
    fn start(
        place: Place,
        payloads: Payloads,
        outbound: impl Outbound + Send + 'static,
        inbound: impl Inbound + Send + 'static,
    ) -> Self {
        let (commands, wanted) = mpsc::channel();
        let (done, answers) = mpsc::channel();
        std::thread::spawn(move || {
            if let Some([client, server]) = place.processors {
                // Where it may not stay there, it is measured where it is.
                let _ = affinity::pin_thread(if place.role == Role::Client { client } else { server });
            }
            let mut play = Exchange { outbound, inbound, payloads, sequence: 0 };
            while let Ok(command) = wanted.recv() {
                if done.send(perform(&mut play as &mut dyn Play, place.role, command)).is_err() {
                    return;
                }
            }
        });
        Self { commands, answers }
    }
}

/// An end of crossbeam's channel.
struct Channel<T>(T);

impl<const N: usize> Outbound for Channel<crossbeam_channel::Sender<[u8; N]>> {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        let message = message.try_into().map_err(|error| broken("crossbeam-channel", error))?;
        self.0.send(message).map_err(|error| broken("crossbeam-channel", error))
    }
}

impl<const N: usize> Inbound for Channel<crossbeam_channel::Receiver<[u8; N]>> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        let message = self.0.recv().map_err(|error| broken("crossbeam-channel", error))?;
        Ok(read(&message))
    }
}

/// An end of rtrb's ring.
struct Ring<T>(T);

impl<const N: usize> Outbound for Ring<rtrb::Producer<[u8; N]>> {
    #[inline]
    fn send(&mut self, message: &[u8]) -> std::result::Result<(), Fault> {
        let message = message.try_into().map_err(|error| broken("rtrb", error))?;
        while self.0.push(message).is_err() {
            std::hint::spin_loop();
        }
        Ok(())
    }
}

impl<const N: usize> Inbound for Ring<rtrb::Consumer<[u8; N]>> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> std::result::Result<R, Fault> {
        loop {
            match self.0.pop() {
                Ok(message) => return Ok(read(&message)),
                Err(rtrb::PopError::Empty) => std::hint::spin_loop(),
            }
        }
    }
}
