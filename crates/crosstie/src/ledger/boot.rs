//! A domain that outlives a boot, on a disk or copied from one: nobody of that boot lives, and there was no
//! kernel left to say so.
//!
//! The ledger says in which boot it is used. Whoever opens it in another marks all who are in it dead, under
//! the directory's lock, before anybody of this boot takes part.

use crosstie_core::word::slot::Occupant;

use super::Domain;
use crate::error::Result;
use crate::os::boot;
use crate::region::segment;

impl Domain {
    /// Marks those of a former boot dead, if the ledger is of one.
    pub(super) fn end_former_boot(&'static self) -> Result<()> {
        // Where the kernel does not say, there are the other witnesses.
        let Some(boot) = boot::number() else { return Ok(()) };
        if self.words().boot() == boot {
            return Ok(());
        }
        let _held = segment::lock(self.directory())?;
        // Another may have been first, and live since.
        if self.words().boot() == boot {
            return Ok(());
        }
        for (_, slot) in self.slots() {
            let life = slot.life().read();
            if life.is_alive() {
                slot.life().bury(life);
            }
            // A command lives as long as its program, whose numbers may be another's by now.
            if let Some(described) = slot.occupant_of(life.generation()).filter(|it| it.child_pid != 0) {
                slot.publish(life.generation(), &Occupant { child_pid: 0, child_witness: 0, ..described });
            }
        }
        self.words().set_boot(boot);
        Ok(())
    }
}
