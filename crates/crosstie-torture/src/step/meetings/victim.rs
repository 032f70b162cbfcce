//! What a victim does where it meets others.

use crosstie::os::single_step;
use crosstie::sync::Object;
use crosstie_core::word::barrier::{break_it, read};
use crosstie_core::word::counting::Counting;

use super::case::{Act, Case, Twin};
use super::thing::Opened;
use crate::step::victim::{Failure, Role};

/// The mark of a head that says that what is made once is made.
const DONE: u32 = 4;

/// Does the operation of `case` between its marks.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let opened = case.thing.open(role.domain, role.object)?;
    role.domain.thread_owner()?;
    match case.act {
        Act::ComeFirst | Act::ComeLast => {
            // From the first meeting on it is a party.
            opened.meet(|| ())?;
            single_step::mark()?;
            come(case, &opened)?;
        }
        Act::Set => {
            single_step::mark()?;
            set(case, &opened)?;
        }
        Act::EndMaking => {
            // An error of the mark shows at the next.
            opened.meet(|| drop(single_step::mark()))?;
        }
        Act::Make => {
            single_step::mark()?;
            make(case, &opened)?;
        }
        Act::AwaitEvent | Act::AwaitMaking => {
            single_step::mark()?;
            opened.meet(|| ())?;
        }
    }
    single_step::mark()?;
    Ok(single_step::mark()?)
}

fn come(case: &Case, opened: &Opened) -> Result<(), Failure> {
    match opened {
        Opened::Barrier(barrier) if case.is(Twin::Leaves) => Ok(barrier.leave()?),
        Opened::Barrier(barrier) if case.is(Twin::Breaks) => {
            let word = &Object::head(&**barrier).word;
            break_it(word, read(word));
            Ok(opened.meet(|| ()).map(drop)?)
        }
        _ => Ok(opened.meet(|| ()).map(drop)?),
    }
}

fn set(case: &Case, opened: &Opened) -> Result<(), Failure> {
    let Opened::Event(event) = opened else { return Err("only an event is set".into()) };
    if case.is(Twin::WakesNobody) {
        let word = Counting::new(&Object::head(&**event).word);
        return word.try_post(word.read()).map_err(|_| "the word has changed".into());
    }
    Ok(event.set()?)
}

fn make(case: &Case, opened: &Opened) -> Result<(), Failure> {
    let Opened::Once(once) = opened else { return Err("only once is made".into()) };
    let head = Object::head(&**once);
    if case.is(Twin::SaysDoneEarly) {
        head.set_done();
        single_step::mark()?;
        head.unmark(DONE);
    }
    opened.meet(|| ())?;
    if case.is(Twin::ForgetsDone) {
        head.unmark(DONE);
    }
    Ok(())
}
