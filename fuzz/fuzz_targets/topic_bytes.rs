//! A file of any bytes where a topic should be: it is refused with an error, or every call on it ends with
//! an error, a gap or a message within the bounds, and it is shown and removed like any other.
//!
//! Input: flags (1 the file is what follows, 4 it is cut), mode, where a subscriber begins, count of changes, the
//! changes (place among the words, value), then what the ends do.
#![no_main]

use crosstie::Deadline;
use crosstie::channel::topic::{TopicReceiver, TopicSender, TopicState, remove};
use crosstie_fuzz::bytes::Bytes;
use crosstie_fuzz::{place, topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let (flags, mode, start) = (input.u8(), input.u8(), input.u8());
    let mut file = topic::sound(mode).to_vec();
    if flags & 1 != 0 {
        file = input.rest().to_vec();
    } else {
        for _ in 0..1 + input.u8() % 16 {
            let (what, which) = (input.u8(), input.u8());
            let (at, value) = (topic::word(what, which), topic::value(what / 8, &mut input));
            file[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        if flags & 4 != 0 {
            file.truncate(usize::from(input.u16()) * 2);
        }
    }
    let _ = std::fs::remove_file(topic::path());
    std::fs::write(topic::path(), &file).expect("a file");
    let (domain, options) = (place::domain(), topic::options(start));
    let tx = TopicSender::open(domain, topic::NAME, &options);
    if let Ok(mut rx) = TopicReceiver::open(domain, topic::NAME, &options) {
        topic::receive(&mut rx, 20, || Deadline::NOW);
        if let Ok(mut tx) = tx {
            topic::send(&mut tx, &mut input, 12, || Deadline::NOW);
            topic::receive(&mut rx, 20, || Deadline::NOW);
        }
    }
    let _ = TopicState::of(domain, topic::NAME);
    let _ = remove(domain, topic::NAME);
});
