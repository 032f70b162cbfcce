//! Containers for shared memory of any bytes: nothing is read out of bounds, and from then on each does
//! what its counterpart in std does with what it holds.
//!
//! Input: the bytes of a deque, a list and a text, then steps (what, value).
#![no_main]
#![expect(unsafe_code, reason = "makes values of the bytes that another process may have written")]

use std::collections::VecDeque;
use std::mem::MaybeUninit;

use crosstie::shareable::{Deque, List, Shareable, Text};
use crosstie_fuzz::bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes::new(data);
    let mut deque: Deque<u32, 5> = any(&mut input);
    let mut list: List<u16, 7> = any(&mut input);
    let mut text: Text<9> = any(&mut input);
    let nested: Deque<Text<3>, 2> = any(&mut input);
    assert!(nested.iter().count() == nested.len() && nested.iter().all(|text| text.as_str().len() <= 3));
    let mut like_deque: VecDeque<u32> = deque.iter().copied().collect();
    let mut like_list: Vec<u16> = list.to_vec();
    for _ in 0..40 {
        if input.is_empty() {
            break;
        }
        let (what, value) = (input.u8(), input.u16());
        step_deque(&mut deque, &mut like_deque, what, u32::from(value));
        step_list(&mut list, &mut like_list, what, value);
        step_text(&mut text, what, value);
    }
});

/// A value of the next bytes, as another process may have left them.
fn any<T: Shareable>(input: &mut Bytes<'_>) -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    let bytes = input.take(size_of::<T>());
    // SAFETY: no more bytes than the value has, which nobody else can see.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.as_mut_ptr().cast(), bytes.len()) };
    // SAFETY: every pattern of bytes is a value of a Shareable type.
    unsafe { value.assume_init() }
}

fn step_deque(ours: &mut Deque<u32, 5>, std: &mut VecDeque<u32>, what: u8, value: u32) {
    let is_full = std.len() == ours.capacity();
    assert_eq!(ours.is_full(), is_full);
    match what % 6 {
        0 if is_full => assert_eq!(ours.push_back(value), Err(value)),
        1 if is_full => assert_eq!(ours.push_front(value), Err(value)),
        0 => {
            std.push_back(value);
            assert_eq!(ours.push_back(value), Ok(()));
        }
        1 => {
            std.push_front(value);
            assert_eq!(ours.push_front(value), Ok(()));
        }
        2 => assert_eq!(ours.pop_front(), std.pop_front()),
        3 => assert_eq!(ours.pop_back(), std.pop_back()),
        4 => assert_eq!(ours.get(value as usize % 7), std.get(value as usize % 7)),
        _ => assert_eq!((ours.front(), ours.back()), (std.front(), std.back())),
    }
    assert!(ours.iter().eq(std.iter()));
}

fn step_list(ours: &mut List<u16, 7>, std: &mut Vec<u16>, what: u8, value: u16) {
    let (is_full, at) = (std.len() == ours.capacity(), usize::from(value) % 9);
    match what / 6 % 6 {
        0 if is_full => assert_eq!(ours.push(value), Err(value)),
        1 if is_full || at > std.len() => assert_eq!(ours.insert(at, value), Err(value)),
        0 => {
            std.push(value);
            assert_eq!(ours.push(value), Ok(()));
        }
        1 => {
            std.insert(at, value);
            assert_eq!(ours.insert(at, value), Ok(()));
        }
        2 => assert_eq!(ours.pop(), std.pop()),
        3 => assert_eq!(ours.remove(at), (at < std.len()).then(|| std.remove(at))),
        4 => assert_eq!(ours.swap_remove(at), (at < std.len()).then(|| std.swap_remove(at))),
        _ => {
            std.retain(|kept| kept % 3 != value % 3);
            ours.retain(|kept| kept % 3 != value % 3);
        }
    }
    assert_eq!(**ours, std[..]);
}

fn step_text(text: &mut Text<9>, what: u8, value: u16) {
    let before = text.as_str().len();
    assert!(before <= 9);
    match what / 36 % 4 {
        0 => {
            let more = char::from_u32(u32::from(value)).map_or(String::new(), String::from);
            assert!(text.push_str(&more).is_err() || text.as_str().len() <= 9);
        }
        1 => text.clear(),
        _ => assert!(!format!("{text:?} {text:>12}").is_empty()),
    }
}
