//! Segments that say what they are, names that are taken away, and raw POSIX memory.

use std::fs::{self, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crosstie::os::memory;
use crosstie::region::{Directory, Region, Segment, SegmentSpec, Sizes, Space, removal};
use crosstie::{Error, ErrorKind};
use crosstie_core::layout::header::{HEADER_BYTES, Header, Kind, STATE_OFFSET, layout_hash};
use proptest::prelude::*;
use tempfile::TempDir;

const PAGE: u64 = 64 << 10;

fn spec() -> SegmentSpec {
    SegmentSpec {
        kind: Kind::new("test"),
        layout: layout_hash("test 1: counter u64 @128"),
        header_bytes: PAGE,
        data_bytes: PAGE,
        params: [7, 0, 0, 0],
        sizes: Sizes::Exact,
        space: Space::Whole,
    }
}

fn stage() -> (TempDir, Directory) {
    let temporary = tempfile::Builder::new().prefix("crosstie-test").tempdir_in("/dev/shm").unwrap();
    let directory = Directory::open(temporary.path()).unwrap();
    (temporary, directory)
}

fn make(directory: &Directory) -> Segment {
    Segment::open_or_create(directory, "a.test", &spec(), |segment| {
        segment.shared::<AtomicU64>(128)?.store(41, Ordering::Relaxed);
        Ok(())
    })
    .unwrap()
}

#[test]
fn a_segment_appears_whole_and_is_shared() {
    let (temporary, directory) = stage();
    let first = make(&directory);
    let second = Segment::open(&directory, "a.test", &spec()).unwrap();
    second.shared::<AtomicU64>(128).unwrap().fetch_add(1, Ordering::Relaxed);
    assert_eq!(first.shared::<AtomicU64>(128).unwrap().load(Ordering::Relaxed), 42);
    assert_eq!(first.len() as u64, 2 * PAGE);
    let about = fs::metadata(temporary.path().join("a.test")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(about.blocks() * 512, 2 * PAGE, "its space is taken, no more and no less");
}

#[test]
fn a_segment_whose_making_fails_leaves_no_name() {
    let (temporary, directory) = stage();
    let refused = Segment::open_or_create(&directory, "a.test", &spec(), |_| {
        Err(Error::new("make", "test", ErrorKind::Failed))
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Failed);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn creators_that_race_get_one_segment() {
    let (_temporary, directory) = stage();
    std::thread::scope(|scope| {
        let made: Vec<_> = (0..8).map(|_| scope.spawn(|| make(&directory))).collect();
        let made: Vec<_> = made.into_iter().map(|made| made.join().unwrap()).collect();
        for segment in &made {
            segment.shared::<AtomicU64>(128).unwrap().fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(made[0].shared::<AtomicU64>(128).unwrap().load(Ordering::Relaxed), 49);
    });
}

#[test]
fn every_difference_is_named_on_both_sides() {
    let (_temporary, directory) = stage();
    drop(make(&directory));
    let wrong = [
        (SegmentSpec { kind: Kind::new("ring"), ..spec() }, "it is a test, asked for was a ring"),
        (SegmentSpec { layout: 1, ..spec() }, "this build has 0000000000000001"),
        (SegmentSpec { params: [8, 0, 0, 0], ..spec() }, "its parameter 0 is 7, asked for was 8"),
        (SegmentSpec { data_bytes: 2 * PAGE, ..spec() }, "asked for were 65536 + 131072"),
    ];
    for (spec, text) in wrong {
        let refused = Segment::open(&directory, "a.test", &spec).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Mismatch, "{refused}");
        assert!(refused.to_string().contains(text), "{refused}");
    }
    let any = SegmentSpec { params: [8, 0, 0, 0], data_bytes: 1, sizes: Sizes::AsFound, ..spec() };
    assert_eq!(Segment::open(&directory, "a.test", &any).unwrap().header().params[0], 7);
}

#[test]
fn a_file_that_is_too_short_or_no_segment_is_corrupt_and_a_missing_one_not_found() {
    let (temporary, directory) = stage();
    let missing = Segment::open(&directory, "a.test", &spec()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let path = temporary.path().join("a.test");
    for text in [&b""[..], b"hello", &[0; 4096], &[0xFF; 4096]] {
        fs::write(&path, text).unwrap();
        let refused = Segment::open_or_create(&directory, "a.test", &spec(), |_| Ok(())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
    }
    fs::remove_file(&path).unwrap();
    drop(make(&directory));
    OpenOptions::new().write(true).open(&path).unwrap().set_len(PAGE).unwrap();
    let refused = Segment::open(&directory, "a.test", &spec()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.to_string().contains("65536 bytes, its header says 131072"), "{refused}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Segment::open(&directory, "a.test", &spec()).is_err());
}

#[test]
fn an_offset_that_lies_outside_is_an_error() {
    let (_temporary, directory) = stage();
    let segment = make(&directory);
    for offset in [segment.len() - 7, segment.len(), usize::MAX, usize::MAX - 7, 129] {
        assert!(segment.shared::<AtomicU64>(offset).is_err(), "{offset}");
    }
    assert!(segment.shared::<AtomicU64>(segment.len() - 8).is_ok());
    assert!(segment.map_mirrored(PAGE, 2 << 20).is_err() && segment.map_mirrored(u64::MAX, 4096).is_err());
}

#[test]
fn a_mirrored_mapping_shows_the_same_bytes_twice() {
    let (_temporary, directory) = stage();
    let segment = make(&directory);
    let bytes = usize::try_from(PAGE).unwrap();
    let ring = segment.map_mirrored(PAGE, bytes).unwrap();
    assert_eq!(ring.len(), bytes);
    let word = |at: usize| {
        let address = ring.base().as_ptr().wrapping_add(at).cast::<u32>();
        // SAFETY: inside both copies, aligned, and only accessed atomically.
        unsafe { AtomicU32::from_ptr(address) }
    };
    word(bytes - 4).store(1, Ordering::Relaxed);
    word(bytes).store(2, Ordering::Relaxed);
    assert_eq!(word(0).load(Ordering::Relaxed), 2);
    assert_eq!(word(2 * bytes - 4).load(Ordering::Relaxed), 1);
    assert_eq!(segment.shared::<AtomicU32>(bytes).unwrap().load(Ordering::Relaxed), 2);
}

#[test]
fn an_anonymous_segment_is_passed_by_descriptor_and_never_changes_its_size() {
    let made = Segment::anonymous("test", &spec(), |_| Ok(())).unwrap();
    let passed = made.file().try_clone_to_owned().unwrap();
    assert!(memory::set_file_bytes(passed.as_fd(), 1).is_err(), "sealed");
    let opened = Segment::from_file(passed, "passed", &spec()).unwrap();
    made.shared::<AtomicU64>(128).unwrap().store(5, Ordering::Relaxed);
    assert_eq!(opened.shared::<AtomicU64>(128).unwrap().load(Ordering::Relaxed), 5);
}

#[test]
fn h22_a_segment_in_use_is_not_removed_and_goes_on() {
    let (_temporary, directory) = stage();
    let segment = make(&directory);
    let refused = removal::remove(&directory, "a.test", &spec(), |_| Some("4711 worker".into())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.to_string().contains("4711 worker"));
    assert!(segment.is_live() && Segment::open(&directory, "a.test", &spec()).is_ok());
}

#[test]
fn h22_who_opened_before_a_removal_sees_it_and_who_opens_after_gets_another() {
    let (_temporary, directory) = stage();
    let old = make(&directory);
    removal::remove(&directory, "a.test", &spec(), |_| None).unwrap();
    assert!(!old.is_live() && !old.has_name());
    let gone = removal::remove(&directory, "a.test", &spec(), |_| None).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let new = make(&directory);
    old.shared::<AtomicU64>(128).unwrap().store(0, Ordering::Relaxed);
    assert_eq!(new.shared::<AtomicU64>(128).unwrap().load(Ordering::Relaxed), 41);
}

#[test]
fn h22_a_removal_that_was_killed_half_way_is_taken_back_by_the_next_opener_or_done_by_the_next_remover() {
    let (temporary, directory) = stage();
    let old = make(&directory);
    let file = OpenOptions::new().write(true).open(temporary.path().join("a.test")).unwrap();
    let mark = || file.write_all_at(&2_u32.to_le_bytes(), STATE_OFFSET as u64).unwrap();
    for open in [make, |directory: &Directory| Segment::open(directory, "a.test", &spec()).unwrap()] {
        mark();
        assert!(!old.is_live());
        let same = open(&directory);
        assert!(same.is_live() && old.is_live() && old.has_name());
    }
    mark();
    let refused = removal::remove(&directory, "a.test", &spec(), |_| Some("4711 worker".into())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(old.is_live());
    mark();
    removal::remove(&directory, "a.test", &spec(), |_| None).unwrap();
    assert!(!old.is_live() && !old.has_name());
}

#[test]
fn what_is_no_sound_segment_is_removed_and_what_is_no_file_is_left_with_true_advice() {
    let (temporary, directory) = stage();
    let path = temporary.path().join("a.test");
    let remove = || removal::remove(&directory, "a.test", &spec(), |_| panic!("nobody can be in it"));
    for bytes in [0, 1, 100, 4096, 500_000] {
        drop(make(&directory));
        OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes).unwrap();
        assert_eq!(Segment::open(&directory, "a.test", &spec()).unwrap_err().kind(), ErrorKind::Corrupt);
        remove().unwrap();
        assert!(!path.exists(), "{bytes} bytes");
    }
    // Of the magic, the version, the state, the kind, the layout, the sizes, the zeros.
    for at in [0, 8, 13, 16, 24, 32, 40, 100] {
        drop(make(&directory));
        OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0x5A], at).unwrap();
        let refused = Segment::open(&directory, "a.test", &spec()).unwrap_err();
        assert!(refused.advice().contains("crosstie rm"), "{at}: {refused}");
        remove().unwrap();
        assert!(!path.exists(), "byte {at}");
    }
    assert_eq!(remove().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let refused = remove().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert!(refused.advice().contains(&format!("rm {}", path.display())), "{}", refused.advice());
    assert!(path.exists());
}

/// Openers register, then look; removers mark, then look for users: never two objects of one name
/// that both have a user.
#[test]
fn h22_openers_and_removers_that_race_never_use_two_segments_of_one_name() {
    let (_temporary, directory) = stage();
    let users = AtomicU32::new(0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Busy or not there: then nothing was removed.
                let _ = removal::remove(&directory, "a.test", &spec(), |segment| {
                    let registered = segment.shared::<AtomicU32>(136).unwrap().load(Ordering::SeqCst);
                    (registered > 0).then(|| "in use".to_owned())
                });
            }
        });
        let openers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let segment = make(&directory);
                        let registered = segment.shared::<AtomicU32>(136).unwrap();
                        registered.fetch_add(1, Ordering::SeqCst);
                        if segment.is_live() {
                            users.fetch_add(1, Ordering::SeqCst);
                            let same = make(&directory);
                            let both = same.shared::<AtomicU32>(136).unwrap().load(Ordering::SeqCst);
                            assert!(both > 0, "another segment took the name of one in use");
                        }
                        registered.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = openers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        // Before any of them is judged: a remover that nobody stops would hide their failure.
        stop.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|opener| opener.unwrap());
    });
    assert!(users.load(Ordering::Relaxed) > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_corrupted_header_is_refused_or_read_as_it_was_written(
        changes in prop::collection::vec((0..HEADER_BYTES, any::<u8>()), 1..8), file_bytes in any::<u64>(),
    ) {
        let good = Header {
            version: 1, state: 1, kind: spec().kind, layout: 3, header_bytes: PAGE, data_bytes: PAGE, params: [1, 2, 3, 4],
        };
        let mut bytes = good.to_bytes();
        prop_assert_eq!(Header::read(&bytes, 2 * PAGE), Ok(good));
        for (at, value) in changes {
            bytes[at] = value;
        }
        for size in [file_bytes, 2 * PAGE] {
            if let Ok(header) = Header::read(&bytes, size) {
                prop_assert_eq!(header.header_bytes.checked_add(header.data_bytes), Some(size));
                prop_assert_eq!(header.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn any_file_is_opened_or_refused(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let (temporary, directory) = stage();
        fs::write(temporary.path().join("a.test"), content).unwrap();
        prop_assert!(Segment::open(&directory, "a.test", &spec()).is_err());
    }
}

#[test]
fn a_header_that_changes_while_it_is_opened_is_refused_or_whole() {
    let (temporary, directory) = stage();
    drop(make(&directory));
    let file = OpenOptions::new().write(true).open(temporary.path().join("a.test")).unwrap();
    let good = {
        let mut bytes = [0; HEADER_BYTES];
        let path = temporary.path().join("a.test");
        fs::File::open(path).unwrap().read_exact_at(&mut bytes, 0).unwrap();
        bytes
    };
    let stop = AtomicBool::new(false);
    let opened = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
                file.write_all_at(&n.to_le_bytes(), (n >> 32) % 120).unwrap();
                file.write_all_at(&good, 0).unwrap();
            }
        });
        let opened = (0..3000)
            .filter(|_| {
                Segment::open(&directory, "a.test", &spec()).is_ok_and(|segment| {
                    segment.header().data_bytes == PAGE && segment.len() as u64 == 2 * PAGE
                })
            })
            .count();
        stop.store(true, Ordering::Relaxed);
        opened
    });
    println!("{opened} of 3000 opens met a whole header");
}

/// A region's name that goes with the test.
struct Name(String);

impl Name {
    fn new(what: &str) -> Self {
        Self(format!("/crosstie-test-{what}-{}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // Removed already, mostly.
        let _ = Region::unlink(&self.0);
    }
}

#[test]
fn a_region_is_the_bytes_that_shm_open_sees() {
    let name = Name::new("bytes");
    let region = Region::create(&name.0, 100).unwrap();
    assert_eq!(region.bytes().unwrap(), 100);
    region.write_at(90, b"Shared dat").unwrap();
    let file = fs::read(format!("/dev/shm{}", name.0)).unwrap();
    assert_eq!(&file[90..], b"Shared dat");
    let mut copy = [0; 10];
    Region::open(&name.0).unwrap().read_at(90, &mut copy).unwrap();
    assert_eq!(&copy, b"Shared dat");
    let listed = Region::list().unwrap();
    assert!(listed.iter().any(|found| found.name == name.0 && found.bytes == 100));
    let (base, bytes) = region.as_ptr().unwrap();
    assert_eq!(bytes, 100);
    let first = base.as_ptr().wrapping_add(92).cast::<u32>();
    // SAFETY: inside the mapping, aligned, and only accessed atomically.
    assert_eq!(unsafe { AtomicU32::from_ptr(first) }.load(Ordering::Relaxed).to_le_bytes(), *b"ared");
}

#[test]
fn a_region_never_grows_and_says_how_large_it_is() {
    let name = Name::new("end");
    let region = Region::create(&name.0, 8).unwrap();
    let refused = region.write_at(4, b"12345").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert!(refused.to_string().contains("8 bytes, asked for were bytes up to 9"), "{refused}");
    assert!(region.read_at(u64::MAX, &mut [0; 2]).is_err());
    assert_eq!(region.bytes().unwrap(), 8);
}

#[test]
fn a_region_that_exists_is_opened_and_one_that_does_not_is_named() {
    let name = Name::new("exists");
    assert_eq!(Region::open(&name.0).unwrap_err().kind(), ErrorKind::NotFound);
    let first = Region::open_or_create(&name.0, 16).unwrap();
    let second = Region::open_or_create(&name.0, 16).unwrap();
    assert_eq!((first.bytes().unwrap(), second.bytes().unwrap()), (16, 16));
    assert_eq!(Region::create(&name.0, 1).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let other = Region::open_or_create(&name.0, 99).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Mismatch);
    assert!(other.to_string().contains("it has 16 bytes, not 99"), "{other}");
    assert_eq!(Region::open_or_create(&name.0, 0).unwrap_err().kind(), ErrorKind::Usage);
    Region::unlink(&name.0).unwrap();
    assert_eq!(Region::unlink(&name.0).unwrap_err().kind(), ErrorKind::NotFound);
    for bad in ["", "/", "/a/b", "..", "/.", "a\0b"] {
        let refused = Region::create(bad, 1).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage, "{bad:?}: {refused}");
        assert!(refused.advice().contains("/my_region"));
    }
}

#[test]
fn a_fifo_in_the_place_of_a_region_does_not_block() {
    let name = Name::new("fifo");
    let path = format!("/dev/shm{}", name.0);
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
    assert_eq!(Region::open(&name.0).unwrap_err().kind(), ErrorKind::Usage);
}
