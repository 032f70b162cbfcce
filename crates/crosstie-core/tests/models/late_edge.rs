//! A circle that a late edge closes: who comes to wait under a command after its ticket takes the ticket back, names the
//! command, and takes a new one.

use crosstie_core::OwnerId;
use crosstie_core::graph::{Blocked, Claim, Held, Verdict, judge, workspace_len};
use crosstie_core::word::ticket::Tickets;
use crosstie_core::word::waiting::{Mode, NOTE_WORDS, Seen, WaitRecord, Want, look_for_waiters};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread::{self, JoinHandle};

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

/// When who may come to wait under a command by itself looks again with another ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    WithEachLook,
    /// The twin's way.
    WhileUnsettled,
}

/// Whether the one that gives up says so before it confirms for the last time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claims {
    First,
    /// The twin's way.
    Never,
}

struct Waits {
    tickets: Tickets,
    /// Not 0: the late one's command waits for it, which nobody wrote into a record.
    edge: AtomicU64,
    /// The other's, and the late one's.
    records: [WaitRecord; 2],
}

impl Waits {
    fn new() -> Self {
        Self {
            tickets: Tickets::new(),
            edge: AtomicU64::new(0),
            records: [WaitRecord::idle(), WaitRecord::idle()],
        }
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
        self.records[who].set_ticket(self.tickets.next());
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
            let key = if *who == OTHER { Some(OF_OTHER) } else { self.is_late(seen).then_some(OF_COMMAND) };
            Some(Held { member, key: key?, exclusive: true, units: 1 })
        });
        let (blocked, held) = (blocked.collect(), held.collect());
        (members, blocked, held)
    }

    /// Whether the late one waits under its command.
    fn is_late(&self, seen: &Seen) -> bool {
        // Acquire: as what /proc says of the shell, read in order.
        seen.want.behind.is_some() || self.edge.load(Ordering::Acquire) != 0
    }

    /// The last step of who found itself the victim: says so by its ticket, and looks at the others once more.
    fn claim(&self, who: usize, members: &[(usize, Seen)]) -> bool {
        self.records[who].take_ticket_back();
        look_for_waiters();
        let mut others = members.iter().filter(|(member, _)| *member != who);
        let is_had = others.all(|(member, seen)| self.records[*member].is_unchanged(seen));
        let own = members.iter().find(|(member, _)| *member == who).map(|(_, seen)| seen.ticket);
        if let (false, Some(ticket)) = (is_had, own) {
            self.records[who].set_ticket(ticket);
        }
        is_had
    }

    /// Whether `who` has to give up: the steps of `Domain::check_deadlock`, over the same records and the same judge.
    fn is_victim(&self, who: usize, confirms: Confirms, claims: Claims) -> bool {
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
                    let is_confirmed = members.iter().all(is_same);
                    if is_confirmed && (claims == Claims::Never || self.claim(who, &members)) {
                        // It leaves with its answer.
                        self.records[who].withdraw();
                        return true;
                    }
                }
            }
            thread::yield_now();
        }
    }
}

fn late(waits: &Waits, naming: Naming, (confirms, claims): (Confirms, Claims)) -> bool {
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
    waits.is_victim(LATE, confirms, claims)
}

/// Both wait, in a circle that the late edge closes: exactly one gives up.
fn scene(naming: Naming, confirms: Confirms, claims: Claims) {
    super::scenes::explore(3, move || {
        let waits = Arc::new(Waits::new());
        let other = {
            let waits = Arc::clone(&waits);
            thread::spawn(move || {
                waits.publish(OTHER);
                waits.take_ticket(OTHER);
                waits.is_victim(OTHER, confirms, claims)
            })
        };
        let late = late(&waits, naming, (confirms, claims));
        let other = other.join().unwrap();
        assert!(late || other, "nobody gives up");
        assert!(!(late && other), "both give up");
    });
}

#[test]
fn of_a_circle_that_a_late_edge_closes_exactly_one_gives_up() {
    scene(Naming::TicketTakenBack, Confirms::WaitAndTicket, Claims::First);
}

#[test]
#[should_panic(expected = "nobody gives up")]
fn the_model_catches_a_late_edge_under_the_old_ticket() {
    scene(Naming::UnderTheOldTicket, Confirms::WaitAndTicket, Claims::First);
}

#[test]
#[should_panic(expected = "both give up")]
fn the_model_catches_a_deadlock_that_is_told_by_the_tickets_of_before() {
    scene(Naming::TicketTakenBack, Confirms::Wait, Claims::Never);
}

/// As [`late`], of an edge that `shell` makes by itself, between the late one's looks or before; it looks again until it is there.
fn late_by_itself(waits: &Waits, shell: JoinHandle<()>, again: Again, claims: Claims) -> bool {
    waits.publish(LATE);
    // Acquire: as in `is_late`.
    let is_settled = waits.edge.load(Ordering::Acquire) != 0;
    waits.take_ticket(LATE);
    let is_victim = waits.is_victim(LATE, Confirms::WaitAndTicket, claims);
    shell.join().unwrap();
    if is_settled || is_victim {
        return is_victim;
    }
    if again == Again::WithEachLook {
        waits.records[LATE].take_ticket_back();
        waits.take_ticket(LATE);
    }
    waits.is_victim(LATE, Confirms::WaitAndTicket, claims)
}

fn scene_by_itself(again: Again, claims: Claims) {
    super::scenes::explore(3, move || {
        let waits = Arc::new(Waits::new());
        let other = {
            let waits = Arc::clone(&waits);
            thread::spawn(move || {
                waits.publish(OTHER);
                waits.take_ticket(OTHER);
                waits.is_victim(OTHER, Confirms::WaitAndTicket, claims)
            })
        };
        let shell = {
            let waits = Arc::clone(&waits);
            // Release: as in `is_late`.
            thread::spawn(move || waits.edge.store(1, Ordering::Release))
        };
        let late = late_by_itself(&waits, shell, again, claims);
        let other = other.join().unwrap();
        assert!(late || other, "nobody gives up");
        assert!(!(late && other), "both give up");
    });
}

#[test]
fn of_a_circle_whose_edge_comes_by_itself_exactly_one_gives_up() {
    scene_by_itself(Again::WithEachLook, Claims::First);
}

#[test]
#[should_panic(expected = "nobody gives up")]
fn the_model_catches_a_second_look_with_the_ticket_of_the_first() {
    scene_by_itself(Again::WhileUnsettled, Claims::First);
}

#[test]
#[should_panic(expected = "both give up")]
fn the_model_catches_a_victim_that_does_not_say_so_first() {
    scene_by_itself(Again::WithEachLook, Claims::Never);
}
