//! What the cast told, and what of it may not be.

use crosstie_core::word::head::Counters;

use super::case::{Act, Case, Dead};
use super::cast::Took;
use super::data::{FIRST, SECOND};
use super::thing::{Thing, Way};
use crate::step::fault::{Fault, Finding};
use crate::step::scene::Progress;

/// Who took it and when, in order.
#[derive(Debug, Default)]
pub struct Tally {
    pub entries: Vec<(u64, Took)>,
    /// Units that the judge gave because the victim may have taken one with it.
    pub given: u64,
}

/// What else is known.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub progress: Progress,
    pub killed_ns: u64,
    /// The victim owned it when it died.
    pub died_inside: bool,
    /// The object's counters at the end, of what counts its owners.
    pub counters: Option<Counters>,
    /// Of what has no owners, the units that are left.
    pub free_units: Option<u64>,
}

impl Tally {
    /// Judges who was left.
    pub fn judge(&self, case: &Case, facts: &Facts) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.too_many(case));
        findings.extend(self.wrong_telling(case, facts));
        findings.extend(self.torn(case, facts));
        findings.extend(self.fallen_token());
        findings.extend(self.wrong_counters(case, facts));
        findings.extend(self.wrong_units(case, facts));
        findings
    }

    fn after(&self, facts: &Facts) -> impl Iterator<Item = &Took> {
        let killed_ns = facts.killed_ns;
        self.entries.iter().filter(move |(at_ns, _)| *at_ns > killed_ns).map(|(_, took)| took)
    }

    /// More units are out than there are.
    fn too_many(&self, case: &Case) -> Option<Finding> {
        let most = self.entries.iter().map(|(_, took)| took.inside).max()?;
        let all = case.thing.total() + self.given;
        (most > all).then(|| Finding::new(Fault::Doubled, format!("{most} units were out, there are {all}")))
    }

    /// Whoever comes first is told of a death inside; where nobody died there, nobody is told. The first of all
    /// came before any death.
    fn wrong_telling(&self, case: &Case, facts: &Facts) -> Option<Finding> {
        if !case.thing.tells_deaths() {
            return None;
        }
        let is_due = facts.died_inside || case.has_dead_owner();
        let second = || self.entries.get(1).map(|(_, took)| took);
        let first = if facts.died_inside { self.after(facts).next() } else { second() }?;
        let is_told = self.entries.iter().any(|(_, took)| took.is_told);
        // Of a buffer, all tell what they met when they are outside again: in any order.
        let was_told = if case.thing.has_owners() { first.is_told } else { is_told };
        if is_due && !was_told {
            return Some(Finding::new(Fault::Ending, "an owner died inside, and the next was not told"));
        }
        (!is_due && is_told)
            .then(|| Finding::new(Fault::Ending, "somebody was told of an owner that died, and none did"))
    }

    /// The data are whole, and as the victim left them, unless a death is told.
    fn torn(&self, case: &Case, facts: &Facts) -> Option<Finding> {
        let data = self.entries.iter().filter(|(_, took)| !took.is_told);
        let torn = data.filter_map(|(_, took)| took.found).find(|data| data[FIRST] != data[SECOND]);
        if let Some(data) = torn {
            return Some(Finding::new(Fault::Torn, format!("the data are {data:?}, and nobody was told")));
        }
        let was_changed =
            case.act == Act::Change && case.thing.has_owners() && facts.progress > Progress::Under;
        let last = self.after(facts).filter(|took| !took.is_told).find_map(|took| took.found)?;
        (was_changed && case.dead == Dead::Nobody && last[SECOND] != 1)
            .then(|| Finding::new(Fault::Torn, format!("the data are {last:?}, what was written is gone")))
    }

    /// Each who has it alone has a larger number than all before.
    fn fallen_token(&self) -> Option<Finding> {
        let alone = self.entries.iter().filter(|(_, took)| took.way != Way::One);
        let tokens: Vec<u64> = alone.filter_map(|(_, took)| took.token).collect();
        let is_growing = tokens.is_sorted_by(|one, next| one < next);
        (!is_growing).then(|| Finding::new(Fault::Token, format!("the fencing numbers were {tokens:?}")))
    }

    /// Acquisitions and deaths as far as they must and may be counted: who dies in the middle of taking it may
    /// have been counted, and may have found a death that it did not count.
    fn wrong_counters(&self, case: &Case, facts: &Facts) -> Option<Finding> {
        let counters = facts.counters?;
        let ours = self.entries.iter().filter(|(_, took)| took.token.is_some() && took.way != Way::One);
        let ours = ours.count() as u64;
        let dead = u64::from(case.has_dead_owner());
        let theirs = 1 + dead;
        let (least, most) = (u64::from(facts.died_inside), u64::from(facts.died_inside) + dead);
        let is_right = (ours..=ours + theirs).contains(&counters.acquisitions)
            && (least..=most).contains(&counters.deaths);
        (!is_right).then(|| {
            let what = format!("{ours} acquisitions, {least} to {most} deaths, it counts {counters:?}");
            Finding::new(Fault::Counters, what)
        })
    }

    /// What has no owners has as many units as before, but for what the victim took with it.
    fn wrong_units(&self, case: &Case, facts: &Facts) -> Option<Finding> {
        let found = facts.free_units?;
        let all = case.thing.total() + self.given;
        let is_under = facts.progress == Progress::Under;
        let (mut least, mut most) = match case.act {
            act if act.takes() => (all - 1, if is_under { all } else { all - 1 }),
            act if act.gives() => (if is_under { all - 1 } else { all }, all),
            _ => (all, all),
        };
        if case.thing == Thing::Event {
            // To set it twice is to set it.
            (least, most) = (least.min(1), most.min(1));
        }
        let what = || format!("{found} units are left, of {least} to {most}");
        match found {
            _ if found < least => Some(Finding::new(Fault::Lost, what())),
            _ if found > most => Some(Finding::new(Fault::Doubled, what())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::cases;
    use super::*;

    fn case(name: &str) -> &'static Case {
        cases().iter().find(|case| case.name == name).unwrap()
    }

    const KILLED_NS: u64 = 100;

    fn facts(died_inside: bool) -> Facts {
        Facts {
            progress: Progress::Under,
            killed_ns: KILLED_NS,
            died_inside,
            counters: None,
            free_units: None,
        }
    }

    /// One before the kill, then as many as are given.
    fn tally(after: &[Took]) -> Tally {
        let first =
            Took { way: Way::Alone, is_told: false, found: Some([0, 0, 1]), token: Some(1), inside: 1 };
        let entries = std::iter::once((1, first)).chain(after.iter().map(|took| (KILLED_NS + 1, *took)));
        Tally { entries: entries.collect(), given: 0 }
    }

    fn took(is_told: bool, token: u64) -> Took {
        Took { way: Way::Alone, is_told, found: Some([0, 0, 1]), token: Some(token), inside: 1 }
    }

    fn faults(name: &str, facts: &Facts, tally: &Tally) -> Vec<Fault> {
        tally.judge(case(name), facts).iter().map(|finding| finding.fault).collect()
    }

    #[test]
    fn a_death_is_told_if_and_only_if_it_was_inside() {
        let judge = |died, told| faults("fair mutex: take", &facts(died), &tally(&[took(told, 2)]));
        assert_eq!((judge(true, true), judge(false, false)), (vec![], vec![]));
        assert_eq!((judge(true, false), judge(false, true)), (vec![Fault::Ending], vec![Fault::Ending]));
    }

    #[test]
    fn half_changed_data_are_torn_unless_a_death_is_told_with_them() {
        let half = |is_told| Took { found: Some([1, 0, 1]), ..took(is_told, 2) };
        let judge =
            |is_told| faults("fair mutex: take, change, give", &facts(is_told), &tally(&[half(is_told)]));
        assert_eq!((judge(true), judge(false)), (vec![], vec![Fault::Torn]));
    }

    #[test]
    fn two_owners_and_a_token_that_does_not_grow_are_found() {
        let two = Took { inside: 2, ..took(false, 2) };
        assert_eq!(faults("fair mutex: take", &facts(false), &tally(&[two])), [Fault::Doubled]);
        assert_eq!(faults("fair mutex: take", &facts(false), &tally(&[took(false, 1)])), [Fault::Token]);
    }

    #[test]
    fn a_unit_without_owner_may_go_only_with_a_victim_that_may_have_taken_it() {
        let judge = |name: &str, free| {
            let facts = Facts { free_units: Some(free), ..facts(false) };
            faults(name, &facts, &Tally::default())
        };
        assert_eq!(judge("counting semaphore: take", 0), []);
        assert_eq!(judge("counting semaphore: take", 2), [Fault::Doubled]);
        assert_eq!(judge("counting semaphore: try what is held", 0), [Fault::Lost]);
    }
}
