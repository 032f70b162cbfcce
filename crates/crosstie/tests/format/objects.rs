//! The files of objects on which processes take turns, and the records of who waits and holds.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use crosstie::ledger::Domain;
use crosstie::os::clock::deadline_in;
use crosstie::sync::{
    Access, Barrier, Condvar, CountingSemaphore, Event, LazyShared, Lock, Monitor, Mutex, OnDeath, Reset,
    RwLock, Semaphore,
};
use crosstie::{Deadline, Shareable};
use crosstie_core::layout::header::layout_hash;
use crosstie_core::layout::orders::LAYOUT;

use super::{DOCUMENT, compare};

/// A fresh domain in which the calling thread has slot 0.
struct Scene {
    folder: tempfile::TempDir,
    domain: &'static Domain,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let domain = Domain::open(folder.path().join("d")).unwrap();
        let me = domain.thread_owner().unwrap();
        assert_eq!((me.slot(), me.generation()), (0, 1), "the examples' owner");
        Self { folder, domain }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("d").join(file)
    }

    /// The document's table `heading` is about `file` as it is now, and ends with it.
    fn is(&self, file: &str, heading: &str, layout: &str) {
        let written = fs::read(self.path(file)).unwrap();
        if let Ok(folder) = std::env::var("CROSSTIE_FORMAT_DUMP") {
            fs::write(PathBuf::from(folder).join(heading), &written).unwrap();
            return;
        }
        compare(heading, &written);
        assert_eq!(super::end_of(heading), written.len(), "{heading}: all of the file is described");
        let hash = |description: &str| {
            assert!(DOCUMENT.contains(&format!("`{description}`")), "{description}");
            layout_hash(description)
        };
        let word = |at: usize| u64::from_le_bytes(*written[at..].first_chunk().unwrap());
        let objects = hash("object 3: description @128, object @4096: head 128 bytes, then by shape");
        assert_eq!(word(24), objects, "{file}: the layout of all objects");
        let data = if heading.contains("data") || heading == "A monitor" { hash("u64") } else { 0 };
        assert_eq!(word(56), hash(layout) ^ data, "{file}: the layout of its shape");
    }
}

#[test]
fn a_mutex_is_what_the_document_says() {
    let scene = Scene::new();
    let mutex = Mutex::<u64>::open_or_create_in(scene.domain, "stock", || 7).unwrap();
    let _guard = mutex.lock().unwrap();
    scene.is("lock.stock", "A mutex with data", "mutex 3: head, data");
}

#[test]
fn a_read_write_lock_is_what_the_document_says() {
    let scene = Scene::new();
    let lock = RwLock::<u64>::open_or_create_in(scene.domain, "prices", || 3).unwrap();
    *lock.write().unwrap() = 5;
    let _guard = lock.read().unwrap();
    scene.is("lock.prices", "A read-write lock with data", "rwlock 3: words 1216, data");
}

#[test]
fn a_lock_is_what_the_document_says() {
    let scene = Scene::new();
    let lock = Lock::open_or_create_in(scene.domain, "db").unwrap();
    drop(lock.lock_until(Access::Shared, Deadline::NOW).unwrap());
    let _guard = lock.lock().unwrap();
    scene.is("lock.db", "A lock for what lies elsewhere", "lock 3: words 1216");
}

#[test]
fn a_semaphore_is_what_the_document_says() {
    let scene = Scene::new();
    let gate = Semaphore::open_or_create_in(scene.domain, "gpu", 2).unwrap();
    drop(gate.acquire().unwrap());
    let _permit = gate.acquire().unwrap();
    scene.is("sem.gpu", "A semaphore", "semaphore 1: head (total as patience), permits 1024x16");
}

#[test]
fn a_counting_semaphore_is_what_the_document_says() {
    let scene = Scene::new();
    let full = CountingSemaphore::open_or_create_in(scene.domain, "full", 2).unwrap();
    full.post().unwrap();
    scene.is("count.full", "A counting semaphore", "counting semaphore 1: head");
}

#[test]
fn a_monitor_is_what_the_document_says() {
    let scene = Scene::new();
    let monitor = Monitor::<u64>::open_or_create_in(scene.domain, "jobs", || 0).unwrap();
    *monitor.enter().unwrap() = 9;
    scene.is("monitor.jobs", "A monitor", "monitor 4: mutex with data, condition, head, choice");
}

#[test]
fn an_order_of_locks_is_what_the_document_says() {
    let scene = Scene::new();
    scene.domain.note_lock_order().unwrap();
    let open = |name| Mutex::<u64>::open_or_create_in(scene.domain, name, || 0).unwrap();
    let (one, other) = (open("one"), open("other"));
    let _one = one.lock().unwrap();
    drop(other.lock().unwrap());
    let written = fs::read(scene.path("orders")).unwrap();
    compare("Orders of locks", &written);
    assert_eq!(written.len(), (64 << 10) + 1024 * 256);
    assert_eq!(u64::from_le_bytes(*written[24..].first_chunk().unwrap()), LAYOUT);
    let description = DOCUMENT.lines().find_map(|line| line.strip_prefix("The layout is the hash of `"));
    assert_eq!(layout_hash(description.unwrap().trim_end_matches("`.")), LAYOUT);
}

#[test]
fn a_condition_is_what_the_document_says() {
    let scene = Scene::new();
    let mutex = Mutex::<u64>::open_or_create_in(scene.domain, "m", || 0).unwrap();
    let filled = Condvar::open_or_create_in(scene.domain, "filled").unwrap();
    drop(filled.wait_until(mutex.lock().unwrap(), deadline_in(Duration::from_millis(1))).unwrap());
    scene.is("cond.filled", "A condition", "condition 1: head");
}

#[test]
fn a_barrier_is_what_the_document_says() {
    let scene = Scene::new();
    let phase = Barrier::open_or_create_in(scene.domain, "phase", 1, OnDeath::Shrink).unwrap();
    assert!(phase.wait().unwrap());
    let layout = "barrier 2: head (parties + shrink << 16 as patience), seats 64x32";
    scene.is("barrier.phase", "A barrier", layout);
}

#[test]
fn an_event_is_what_the_document_says() {
    let scene = Scene::new();
    let ready = Event::open_or_create_in(scene.domain, "ready", Reset::Automatic).unwrap();
    ready.set().unwrap();
    scene.is("event.ready", "An event", "event 1: head (reset as patience)");
}

#[test]
fn what_is_done_once_is_what_the_document_says() {
    let scene = Scene::new();
    let table = LazyShared::<u64>::open_or_create_in(scene.domain, "table").unwrap();
    assert_eq!(table.get_or_make(|_| 6).unwrap(), &6);
    scene.is("once.table", "What is done once, with data", "once 3: mutex of u64, data");
}

/// A thread in slot 1 holds a permit and waits for the mutex that the one in slot 0 has.
#[test]
fn who_waits_and_holds_is_what_the_document_says() {
    let scene = Scene::new();
    let mutex = Mutex::<u64>::open_or_create_in(scene.domain, "stock", || 7).unwrap();
    let gate = Semaphore::open_or_create_in(scene.domain, "gpu", 2).unwrap();
    let guard = mutex.lock().unwrap();
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let (mutex, gate, domain) = (&mutex, &gate, scene.domain);
        scope.spawn(move || {
            assert_eq!(domain.thread_owner().unwrap().slot(), 1);
            let _permits = gate.acquire_many(2, Deadline::NOW).unwrap();
            tell.send(()).unwrap();
            drop(mutex.lock().unwrap());
        });
        told.recv().unwrap();
        // Its ticket is the last that it writes before it sleeps.
        while fs::read(scene.path("ledger")).unwrap()[TICKET] == 0 {
            std::thread::yield_now();
        }
        let written = fs::read(scene.path("ledger")).unwrap();
        if let Ok(folder) = std::env::var("CROSSTIE_FORMAT_DUMP") {
            fs::write(PathBuf::from(folder).join("Who waits and holds"), &written).unwrap();
        } else {
            compare("Who waits and holds", &written);
        }
        drop(guard);
    });
}

const TICKET: usize = 65_536 + 1024 + 208;

#[derive(Shareable)]
#[repr(C)]
struct Stock {
    count: u32,
    prices: [u16; 2],
}

/// As the document says it: FNV of a name, parts folded into it.
#[test]
fn the_hash_of_a_type_is_what_the_document_says() {
    let fold = |hash: u64, part: u64| (hash.rotate_left(7) ^ part).wrapping_mul(0x100_0000_01b3);
    let array = fold(fold(layout_hash("array"), layout_hash("u16")), 2);
    let fields = [("count", layout_hash("u32")), ("prices", array)];
    let expected = fields
        .iter()
        .fold(layout_hash("Stock"), |hash, (name, part)| fold(fold(hash, layout_hash(name)), *part));
    assert_eq!(<Stock as Shareable>::LAYOUT, expected);
    assert!(DOCUMENT.contains("rotated left by 7") && DOCUMENT.contains("0x100000001b3"));
    assert_eq!(Stock::describe(), "Stock { count: u32, prices: [u16; 2] }");
}
