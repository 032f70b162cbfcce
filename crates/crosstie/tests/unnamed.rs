//! What has no name: who takes part, what goes with the last one, and what never does.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use crosstie::ErrorKind;
use crosstie::channel::queue::{QueueOptions, QueueReceiver, QueueSender};
use crosstie::channel::unnamed::{self, Unnamed};
use crosstie::ledger::Domain;
use crosstie::os::clock::deadline_in;

/// A domain that goes with the test.
fn stage() -> (tempfile::TempDir, &'static Domain) {
    let folder = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
    let domain = Domain::open(folder.path().join("domain")).unwrap();
    (folder, domain)
}

fn send(domain: &'static Domain, name: &str) {
    let mut tx = QueueSender::open(domain, name, &QueueOptions::default()).unwrap();
    tx.send(b"hello", deadline_in(Duration::from_secs(20))).unwrap();
}

fn receive(domain: &'static Domain, name: &str) -> Vec<u8> {
    let rx = QueueReceiver::open(domain, name, &QueueOptions::default()).unwrap();
    let job = rx.recv(deadline_in(Duration::from_secs(20))).unwrap();
    let bytes = job.to_vec();
    job.done().unwrap();
    bytes
}

/// The files of the domain, but for the ledger.
fn files(domain: &Domain) -> Vec<String> {
    let names = fs::read_dir(domain.name()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != "ledger");
    names.sort_unstable();
    names
}

/// What somebody who was killed leaves: its file, copied, which nobody has locked.
fn left_behind(domain: &'static Domain, queues: &[&str], edit: impl FnOnce(&fs::File, &str)) -> String {
    let made = Unnamed::make(domain, "test", 8, queues).unwrap();
    let (path, token) = (made.path(), made.token().to_owned());
    let bytes = fs::read(&path).unwrap();
    drop(made);
    fs::write(&path, bytes).unwrap();
    edit(&fs::File::options().write(true).open(Path::new(&path)).unwrap(), &token);
    token
}

#[test]
fn its_queues_go_with_the_last_one_and_nothing_before() {
    let (_folder, domain) = stage();
    let made = Unnamed::make(domain, "test", 0, &["", ".more"]).unwrap();
    let joined = Unnamed::join(domain, made.token()).unwrap();
    let queues = [made.queue(), format!("{}.more", made.queue())];
    queues.iter().for_each(|queue| send(domain, queue));
    drop(made);
    assert_eq!(unnamed::sweep(domain), Vec::<String>::new());
    assert_eq!(files(domain).len(), 3);
    assert_eq!(receive(domain, &queues[1]), b"hello");
    drop(joined);
    assert_eq!(files(domain), Vec::<String>::new());
}

#[test]
fn only_what_is_listed_and_bears_its_token_is_swept() {
    let (_folder, domain) = stage();
    send(domain, "jobs");
    send(domain, "unnamed-1-ab");
    let token = left_behind(domain, &[""], |file, token| {
        let list =
            format!("jobs\nunnamed-1-ab\nunnamed-{token}\nunnamed-{token}9\n../ledger\nunnamed-{token}./x");
        file.write_all_at(&(list.len() as u64).to_le_bytes(), 2560).unwrap();
        file.write_all_at(list.as_bytes(), 2568).unwrap();
    });
    for name in [format!("unnamed-{token}"), format!("unnamed-{token}9"), format!("unnamed-{token}.other")] {
        send(domain, &name);
    }
    assert_eq!(unnamed::sweep(domain), [format!("unnamed:{token}")]);
    for name in ["jobs", "unnamed-1-ab", &format!("unnamed-{token}9"), &format!("unnamed-{token}.other")]
        .map(str::to_owned)
    {
        assert_eq!(receive(domain, &name), b"hello", "{name}");
    }
    assert_eq!(files(domain).len(), 4);
}

#[test]
fn what_is_damaged_is_never_swept_and_removed_by_its_name() {
    let (_folder, domain) = stage();
    let damages: [(u64, &[u8]); 4] =
        [(0, b"nonsense"), (16, b"queue\0"), (128, &[0xff; 8]), (2560, &[0xff; 1032])];
    for (offset, bytes) in damages {
        let token = left_behind(domain, &[""], |file, _| file.write_all_at(bytes, offset).unwrap());
        let is_refused = offset < 128;
        assert_eq!(unnamed::sweep(domain).is_empty(), is_refused, "{offset}");
        if is_refused {
            assert!(Unnamed::join(domain, &token).is_err());
            unnamed::remove(domain, &token).unwrap();
        }
        assert_eq!(files(domain), Vec::<String>::new(), "{offset}");
    }
    fs::write(format!("{}/unnamed.short", domain.name()), b"").unwrap();
    assert_eq!(unnamed::sweep(domain), Vec::<String>::new());
    unnamed::remove(domain, "short").unwrap();
    for token in ["", "a/b", ".."] {
        assert_eq!(unnamed::remove(domain, token).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(Unnamed::join(domain, token).unwrap_err().kind(), ErrorKind::Usage);
    }
}

#[test]
fn an_end_of_somebody_else_keeps_it_and_an_own_one_does_not() {
    let (_folder, domain) = stage();
    let made = Unnamed::make(domain, "test", 0, &[""]).unwrap();
    let own = QueueSender::open(domain, &made.queue(), &QueueOptions::default()).unwrap();
    let token = made.token().to_owned();
    assert_eq!(unnamed::remove(domain, &token).unwrap_err().kind(), ErrorKind::Busy);
    drop(made);
    assert_eq!(files(domain), Vec::<String>::new());
    drop(own);

    let token = left_behind(domain, &[""], |_, _| {});
    let other = QueueReceiver::open(domain, &format!("unnamed-{token}"), &QueueOptions::default()).unwrap();
    assert_eq!(unnamed::sweep(domain), Vec::<String>::new());
    drop(other);
    assert_eq!(unnamed::sweep(domain), [format!("unnamed:{token}")]);
}

#[test]
fn of_many_that_leave_at_a_time_one_removes_it() {
    let (_folder, domain) = stage();
    for _ in 0..50 {
        let made = Unnamed::make(domain, "test", 4096, &[]).unwrap();
        let joined: Vec<_> = (0..4).map(|_| Unnamed::join(domain, made.token()).unwrap()).collect();
        drop(made);
        std::thread::scope(|scope| {
            for one in joined {
                scope.spawn(move || drop(one));
            }
        });
        assert_eq!(files(domain), Vec::<String>::new());
    }
}
