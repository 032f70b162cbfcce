//! Readers and writers: nobody reads beside a writer, nobody sleeps on a lock that is free, whoever is killed.

use crosstie_core::atomic::{AtomicU32, AtomicU64, Ordering};
use crosstie_core::turns::mutex::{self, GivenUp};
use crosstie_core::turns::queued::Request;
use crosstie_core::turns::rwlock::{
    READING, Words, allow_stores, drain, is_drained, is_empty, read, stop_reading, stop_writing,
    take_away_from_writer, try_read, try_stop_reading, try_write, wake_writer,
};
use crosstie_core::wait::{Refused, Wait, Wake};
use crosstie_core::word::head::{ABANDONED, Head};
use crosstie_core::word::mutex::MutexWord;
use crosstie_core::word::permits::Permit;
use crosstie_core::{Deadline, OwnerId};

use super::participants::{KEY, Me, Twin, World, head, id_of};
use super::scenes::{Dies, deaths, explore, together};

struct RwLock {
    head: Head,
    phase: AtomicU64,
    queueing: AtomicU64,
    cells_used: AtomicU64,
    readers: [Permit; 2],
    /// Not 0 while a writer is inside.
    data: AtomicU32,
    /// Not 0 while the reader of this cell is inside.
    reading: [AtomicU32; 2],
}

impl RwLock {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            head: head(0, KEY),
            phase: zero(),
            queueing: zero(),
            cells_used: zero(),
            readers: [Permit::free(), Permit::free()],
            data: AtomicU32::new(0),
            reading: [AtomicU32::new(0), AtomicU32::new(0)],
        }
    }

    fn words(&self) -> Words<'_> {
        Words {
            head: &self.head,
            phase: &self.phase,
            queueing: &self.queueing,
            cells_used: &self.cells_used,
            readers: &self.readers,
        }
    }

    /// The data are as a writer that lives leaves them, or a death is told.
    fn look(&self, died: Option<OwnerId>) {
        let is_told = died.is_some() || self.head.state() & ABANDONED != 0;
        assert!(is_told || self.data.load(Ordering::Relaxed) == 0, "read beside a writer, or a death untold");
    }
}

/// Takes a cell as the library does.
fn begin_to_read(it: &RwLock, me: &Me, deadline: Deadline) -> Result<(u32, Option<OwnerId>), Refused<()>> {
    match try_read(it.words(), me.me()) {
        Ok(Some(cell)) => return Ok((cell, None)),
        Ok(None) => {}
        Err(cell) => stop_reading(it.words(), me, me.me(), cell),
    }
    read(it.words(), me, me.me(), &Request::exclusive(deadline))
}

/// How a reader ends.
type StopReading = fn(&RwLock, &Me, u32);

fn end(it: &RwLock, me: &Me, cell: u32) {
    match try_stop_reading(it.words(), me.me(), cell, true) {
        GivenUp::Done => {}
        GivenUp::MayBeAwaited => wake_writer(it.words(), me),
        GivenUp::Not => stop_reading(it.words(), me, me.me(), cell),
    }
}

/// Allows stores first: what a reader does now and then.
fn allow_and_end(it: &RwLock, me: &Me, cell: u32) {
    allow_stores(it.words());
    end(it, me, cell);
}

/// A twin: a writer that has come meanwhile is not looked for.
fn end_and_forget(it: &RwLock, me: &Me, cell: u32) {
    let _ = try_stop_reading(it.words(), me.me(), cell, true);
}

/// A twin: stores are allowed although a writer waits, by one that ends by a step.
fn allow_unseen(it: &RwLock, me: &Me, cell: u32) {
    it.head.giving().allow(|| false);
    end(it, me, cell);
}

fn read_once(it: &RwLock, me: &Me, deadline: Deadline, stop: StopReading) {
    let Ok((cell, died)) = begin_to_read(it, me, deadline) else {
        assert!(!deadline.is_never());
        return;
    };
    it.reading[cell as usize].store(1, Ordering::Relaxed);
    it.look(died);
    me.step();
    it.look(died);
    it.reading[cell as usize].store(0, Ordering::Relaxed);
    stop(it, me, cell);
}

/// Begins to write where that takes no wait; answers whether it does.
type BeginWriting = fn(&RwLock, &Me) -> bool;
type StopWriting = fn(&RwLock, &Me);

fn begin(it: &RwLock, me: &Me) -> bool {
    if !is_empty(it.words()) || !try_write(it.words(), me.me()) {
        return false;
    }
    let is_alone = is_empty(it.words());
    if !is_alone {
        stop(it, me);
    }
    is_alone
}

/// A twin: looks for readers before it has the word, and not again.
fn begin_with_a_look(it: &RwLock, me: &Me) -> bool {
    is_empty(it.words()) && try_write(it.words(), me.me())
}

fn write_once(it: &RwLock, me: &Me, dies: Dies, (begin, stop): (BeginWriting, StopWriting)) {
    if !begin(it, me) {
        if !MutexWord::new(&it.head.word).try_lock(me.me()) {
            let taken = mutex::lock(&it.head, me, me.me(), &Request::exclusive(Deadline::NEVER)).unwrap();
            if taken.abandoned_by.is_some() {
                it.head.mark(ABANDONED);
            }
        }
        if !is_drained(it.words(), me) {
            drain(it.words(), me, &Request::exclusive(Deadline::NEVER)).unwrap();
        }
    }
    // A reader that was killed inside has left its mark; then nobody reads there.
    let is_read = it.reading.iter().any(|reading| reading.load(Ordering::Relaxed) != 0);
    let died = dies.is_some_and(|(who, _)| !me.is_alive(id_of(who)));
    assert!(!is_read || died, "written beside a reader");
    it.look(None);
    it.head.unmark(ABANDONED);
    it.data.store(1, Ordering::Relaxed);
    me.step();
    it.data.store(0, Ordering::Relaxed);
    stop(it, me);
}

fn stop(it: &RwLock, me: &Me) {
    if let Some(leaving) = stop_writing(it.words(), me.me()) {
        leaving.finish(me);
    }
}

/// A twin: gives the word up, and lets nobody in.
fn stop_quietly(it: &RwLock, me: &Me) {
    if !MutexWord::new(&it.head.word).try_unlock(me.me()) {
        mutex::unlock(&it.head, me, me.me());
    }
}

/// Takes the lock away from participant 0.
type Rob = fn(&RwLock, &Me);

fn rob(it: &RwLock, me: &Me) {
    take_away_from_writer(it.words(), me, id_of(0), me.me());
}

/// A twin: ends a phase in the name of the writer, which may have left meanwhile.
fn rob_beside_it(it: &RwLock, me: &Me) {
    let phase = it.phase.load(Ordering::Acquire);
    if MutexWord::new(&it.head.word).read().owner() != Some(id_of(0)) {
        return;
    }
    let _ = it.phase.compare_exchange(phase, phase + 1, Ordering::Release, Ordering::Relaxed);
    mutex::take_away(&it.head, me, id_of(0));
    if let Some(reader) = me.first(it.head.key() | READING) {
        me.nudge(reader);
    }
}

/// Participant 0 has the lock, and gives it up while another takes it away; those who come take turns as ever.
fn give_up_while_robbed(rob: Rob, others: &'static [Part], preemptions: usize) {
    explore(preemptions, move || {
        let world = World::around(RwLock::new(), 2 + others.len(), Twin::AsShipped);
        assert!(try_write(world.words(), id_of(0)));
        together(&world, None, move |it, me, index| match index {
            0 => stop(it, me),
            1 => rob(it, me),
            _ if others[index - 2] == Writes => write_once(it, me, None, (begin, stop)),
            _ => read_once(it, me, Deadline::NEVER, end),
        });
        assert!(MutexWord::new(&world.head.word).read().owner().is_none(), "owned by one who is done");
    });
}

/// Who does what.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Reads,
    Writes,
    /// Reads, unless that takes long.
    GivesUp,
}
use Part::{GivesUp, Reads, Writes};

#[derive(Clone, Copy)]
struct Scene {
    parts: &'static [Part],
    preemptions: usize,
    twin: Twin,
    begin: BeginWriting,
    stop: StopWriting,
    /// Whether readers may end by a store at first.
    by_store: bool,
    end: StopReading,
}

const TWO: Scene = Scene {
    parts: &[Writes, Reads],
    preemptions: 3,
    twin: Twin::AsShipped,
    begin,
    stop,
    by_store: false,
    end,
};
const TWO_READERS: Scene = Scene { parts: &[Writes, Reads, Reads], preemptions: 1, ..TWO };
const TWO_WRITERS: Scene = Scene { parts: &[Writes, Writes, Reads], preemptions: 2, ..TWO };
const GIVES_UP: Scene = Scene { parts: &[Writes, Writes, GivesUp], ..TWO_WRITERS };
/// The same, by stores from the first, or from the moment at which a reader allows them.
const BY_STORE: Scene = Scene { by_store: true, ..TWO };
const ALLOWED: Scene = Scene { end: allow_and_end, ..TWO };
const BOTH: [Scene; 2] = [BY_STORE, ALLOWED];

fn take_turns(scene: Scene, dies: Dies) {
    explore(scene.preemptions, move || {
        let world = World::around(RwLock::new(), scene.parts.len(), scene.twin);
        if scene.by_store {
            world.head.giving().allow(|| false);
        }
        together(&world, dies, move |it, me, index| match scene.parts[index] {
            Reads => read_once(it, me, Deadline::NEVER, scene.end),
            GivesUp => read_once(it, me, Deadline::at_ns(1 << 40), scene.end),
            Writes => write_once(it, me, dies, (scene.begin, scene.stop)),
        });
        let is_dead = |id: OwnerId| dies.is_some_and(|(who, _)| id_of(who) == id);
        assert!(
            MutexWord::new(&world.head.word).read().owner().is_none_or(is_dead),
            "owned by one who is done"
        );
        assert!(world.readers.iter().all(|cell| cell.owner().is_none_or(is_dead)), "read by one who is done");
    });
}

const WRITER_POINTS: &[&str] =
    &["rwlock.next-phase", "rwlock.stopped-writing", "rwlock.gave-word-up", "rwlock.forbidden"];
const READER_POINTS: &[&str] = &["rwlock.stopped-reading", "rwlock.reader-queued", "rwlock.stored"];

#[test]
fn a_writer_and_a_reader_take_turns() {
    take_turns(TWO, None);
}

#[test]
fn a_writer_and_two_readers_take_turns() {
    take_turns(TWO_READERS, None);
}

#[test]
fn two_writers_and_a_reader_take_turns() {
    take_turns(TWO_WRITERS, None);
}

#[test]
fn a_reader_that_gives_up_is_not_awaited() {
    take_turns(GIVES_UP, None);
}

#[test]
fn a_writer_that_comes_while_readers_end_by_a_store_does_not_sleep_beside_none() {
    for scene in BOTH {
        take_turns(Scene { preemptions: 4, ..scene }, None);
        take_turns(Scene { parts: TWO_READERS.parts, preemptions: 2, ..scene }, None);
        take_turns(Scene { parts: TWO_WRITERS.parts, preemptions: 2, ..scene }, None);
    }
}

#[test]
fn whoever_is_killed_where_readers_end_by_a_store_holds_up_nobody() {
    for scene in BOTH {
        for dies in deaths(0, 12, WRITER_POINTS).chain(deaths(1, 12, READER_POINTS)) {
            take_turns(scene, dies);
        }
        for dies in deaths(0, 12, WRITER_POINTS) {
            take_turns(Scene { parts: TWO_WRITERS.parts, preemptions: 1, ..scene }, dies);
        }
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_reader_that_looks_for_no_writer_behind_its_store_leaves_it_asleep() {
    take_turns(Scene { end: end_and_forget, ..BY_STORE }, None);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_reader_that_allows_stores_although_a_writer_waits_leaves_it_asleep() {
    take_turns(Scene { parts: TWO_READERS.parts, preemptions: 2, end: allow_unseen, ..TWO }, None);
}

#[test]
fn a_writer_killed_at_any_step_is_told_and_holds_up_nobody() {
    for dies in deaths(0, 10, WRITER_POINTS) {
        take_turns(TWO, dies);
        take_turns(Scene { preemptions: 1, ..TWO_WRITERS }, dies);
    }
}

#[test]
fn a_reader_killed_at_any_step_holds_up_no_writer() {
    for dies in deaths(1, 10, READER_POINTS) {
        take_turns(TWO, dies);
        take_turns(TWO_READERS, dies);
    }
}

#[test]
fn a_writer_that_is_robbed_while_it_leaves_ends_nobody_elses_phase() {
    give_up_while_robbed(rob, &[Reads], 3);
    give_up_while_robbed(rob, &[Writes], 2);
    give_up_while_robbed(rob, &[Writes, Reads], 2);
}

#[test]
#[should_panic(expected = "beside a")]
fn the_model_catches_who_ends_a_phase_without_the_word() {
    give_up_while_robbed(rob_beside_it, &[Writes, Reads], 2);
}

#[test]
#[should_panic(expected = "deadlock")]
fn without_watching_the_readers_a_dead_one_holds_up_the_writer() {
    for dies in deaths(1, 10, READER_POINTS) {
        take_turns(Scene { twin: Twin::WatchesNobody, ..TWO }, dies);
    }
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_writer_that_wakes_no_reader_leaves_it_asleep() {
    take_turns(Scene { stop: stop_quietly, ..TWO }, None);
}

#[test]
#[should_panic(expected = "beside a")]
fn a_writer_that_looks_before_it_has_the_word_writes_beside_a_reader() {
    take_turns(Scene { begin: begin_with_a_look, ..TWO }, None);
}
