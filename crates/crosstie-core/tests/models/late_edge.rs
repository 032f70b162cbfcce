//! A circle that a late edge closes: who comes to wait under a command after its ticket takes the ticket back, names the
//! command, and takes a new one.

use crosstie_core::OwnerId;
use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Seen, WaitRecord, Want};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

/// What the other holds while it waits.
const OF_OTHER: u64 = 1;
/// What the late one's command holds.
const OF_COMMAND: u64 = 2;
const OTHER: usize = 0;
const LATE: usize = 1;
const COMMAND: OwnerId = OwnerId::new(9, 1);

/// How the late one names its command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    TicketTakenBack,
    /// The twin's way.
    UnderTheOldTicket,
}

/// What is looked at again before a deadlock is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirms {
    WaitAndTicket,
    /// The twin's way.
    Wait,
}

struct Waits {
    tickets: AtomicU64,
    /// The other's, and the late one's.
    records: [WaitRecord; 2],
}

impl Waits {
    fn new() -> Self {
        Self { tickets: AtomicU64::new(0), records: [WaitRecord::idle(), WaitRecord::idle()] }
    }

    fn publish(&self, who: usize) {
        let key = if who == OTHER { OF_COMMAND } else { OF_OTHER };
        self.records[who].publish(&Want {
            key,
            mode: Mode::Exclusive,
            need: 1,
            total: 1,
            queue: 1,
            since_ns: 0,
            deadline_ns: u64::MAX,
            behind: None,
            site: 0,
            note: [0; NOTE_WORDS],
        });
    }

    fn take_ticket(&self, who: usize) {
        // AcqRel: as `LedgerWords::next_ticket`.
        self.records[who].set_ticket(self.tickets.fetch_add(1, Ordering::AcqRel) + 1);
    }

    fn collect(&self) -> (Vec<(usize, Seen)>, Vec<Blocked>, Vec<Held>) {
        let seen = |who: usize| Some((who, self.records[who].read()?));
        let members: Vec<_> = [OTHER, LATE].into_iter().filter_map(seen).collect();
        let blocked = members.iter().map(|(who, seen)| Blocked {
            id: OwnerId::new(u32::try_from(*who).unwrap(), 1),
            ticket: seen.ticket,
            key: seen.want.key,
            claim: Claim::Exclusive,
            queue: 1,
        });
        let held = (0..).zip(&members).filter_map(|(member, (who, seen))| {
            let key = if *who == OTHER { Some(OF_OTHER) } else { seen.want.behind.map(|_| OF_COMMAND) };
            Some(Held { member, key: key?, exclusive: true, units: 1 })
        });
        let (blocked, held) = (blocked.collect(), held.collect());
        (members, blocked, held)
    }

    /// Whether `who` has to give up: the steps of `Domain::check_deadlock`, over the same records and the same judge.
    fn is_victim(&self, who: usize, confirms: Confirms) -> bool {
        loop {
            let (members, blocked, held) = self.collect();
            let me = members.iter().position(|(member, _)| *member == who).unwrap();
            let me = u32::try_from(me).unwrap();
            let mut workspace = vec![0; workspace_len(blocked.len(), held.len())];
            match judge(&blocked, &held, me, &mut workspace).verdict {
                Verdict::Free | Verdict::Behind => return false,
                Verdict::LookAgain => {}
                Verdict::Deadlock { victim } if victim != me => return false,
                Verdict::Deadlock { .. } => {
                    let is_same = |(member, seen): &(usize, Seen)| match confirms {
                        Confirms::WaitAndTicket => self.records[*member].is_unchanged(seen),
                        Confirms::Wait => self.records[*member].is_still(seen.sequence),
                    };
                    if members.iter().all(is_same) {
                        return true;
                    }
                }
            }
            thread::yield_now();
        }
    }
}

fn late(waits: &Waits, naming: Naming, confirms: Confirms) -> bool {
    waits.publish(LATE);
    waits.take_ticket(LATE);
    // Its shell did not wait for it yet; now it does.
    let record = &waits.records[LATE];
    if naming == Naming::TicketTakenBack {
        record.take_ticket_back();
    }
    record.name_command(COMMAND);
    if naming == Naming::TicketTakenBack {
        waits.take_ticket(LATE);
    }
    waits.is_victim(LATE, confirms)
}

/// Both wait, in a circle that the late edge closes: exactly one gives up.
fn scene(naming: Naming, confirms: Confirms) {
    super::scenes::explore(3, move || {
        let waits = Arc::new(Waits::new());
        let other = {
            let waits = Arc::clone(&waits);
            thread::spawn(move || {
                waits.publish(OTHER);
                waits.take_ticket(OTHER);
                waits.is_victim(OTHER, confirms)
            })
        };
        let late = late(&waits, naming, confirms);
        let other = other.join().unwrap();
        assert!(late || other, "nobody gives up");
        assert!(!(late && other), "both give up");
    });
}

#[test]
fn of_a_circle_that_a_late_edge_closes_exactly_one_gives_up() {
    scene(Naming::TicketTakenBack, Confirms::WaitAndTicket);
}

#[test]
#[should_panic(expected = "nobody gives up")]
fn the_model_catches_a_late_edge_under_the_old_ticket() {
    scene(Naming::UnderTheOldTicket, Confirms::WaitAndTicket);
}

#[test]
#[should_panic(expected = "both give up")]
fn the_model_catches_a_deadlock_that_is_told_by_the_tickets_of_before() {
    scene(Naming::TicketTakenBack, Confirms::Wait);
}
