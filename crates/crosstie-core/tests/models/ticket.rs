//! Tickets of waits that are published at the same time.

use crosstie_core::atomic::{AtomicU64, Ordering};
use crosstie_core::word::ticket::Tickets;
use loom::sync::Arc;
use loom::thread;

struct World {
    tickets: Tickets,
    published: [AtomicU64; 3],
}

impl World {
    /// Publishes a wait, takes a ticket, and looks which waits there are.
    fn wait(&self, who: usize) -> (u64, [bool; 3]) {
        // Relaxed: what makes it seen is the ticket.
        self.published[who].store(1, Ordering::Relaxed);
        let ticket = self.tickets.next();
        // Relaxed: as above.
        (ticket, self.published.each_ref().map(|published| published.load(Ordering::Relaxed) == 1))
    }
}

#[test]
fn who_takes_a_ticket_sees_every_wait_with_a_smaller_one() {
    loom::model(|| {
        let published = [0; 3].map(AtomicU64::new);
        let world = Arc::new(World { tickets: Tickets::new(), published });
        let others = [1, 2].map(|who| {
            let world = world.clone();
            thread::spawn(move || world.wait(who))
        });
        let mine = world.wait(0);
        let [second, third] = others.map(|other| other.join().unwrap());
        let all = [mine, second, third];
        for (ticket, seen) in all {
            let earlier = (0..).zip(all).filter(|(_, (other, _))| *other < ticket);
            let missed: Vec<usize> = earlier.map(|(who, _)| who).filter(|who| !seen[*who]).collect();
            assert!(missed.is_empty(), "ticket {ticket} does not see {missed:?}");
        }
    });
}
