//! Whether a text is an address, and what its mechanism can.
#![expect(unsafe_code, reason = "pointers of the caller's")]

use std::ffi::c_char;

use crosstie::endpoint::{Address, Capabilities, Delivery, Untaken};
use crosstie::{Error, ErrorKind};

use crate::handle;
use crate::options;
use crate::place;
use crate::status::{answer, crosstie_error, crosstie_status, cut};

/// In `crosstie_capabilities.can`: what one sender sends comes in its order, when it is delivered for the first time.
pub const CROSSTIE_CAN_ORDER: u32 = 1;
/// In `crosstie_capabilities.can`: a receiver is told the death of its senders, and tells it from a clean end.
pub const CROSSTIE_CAN_TELL_DEATH: u32 = 2;
/// In `crosstie_capabilities.can`: messages are written and read where they lie.
pub const CROSSTIE_CAN_LEND: u32 = 4;
/// In `crosstie_capabilities.can`: any number of processes may send at a time.
pub const CROSSTIE_CAN_MANY_SENDERS: u32 = 8;
/// In `crosstie_capabilities.can`: any number of processes may receive at a time.
pub const CROSSTIE_CAN_MANY_RECEIVERS: u32 = 16;
/// In `crosstie_capabilities.can`: the two ends may be on different machines.
pub const CROSSTIE_CAN_CROSS_MACHINES: u32 = 32;
/// In `crosstie_capabilities.can`: calls go over it, with their replies.
pub const CROSSTIE_CAN_CALL: u32 = 64;

/// Delivered once, or not at all, also when nobody dies.
pub const CROSSTIE_BEST_EFFORT: u32 = 0;
/// Delivered once; not at all only when somebody dies.
pub const CROSSTIE_AT_MOST_ONCE: u32 = 1;
/// Delivered once; again only when somebody dies that had it.
pub const CROSSTIE_AT_LEAST_ONCE: u32 = 2;

/// What a dead receiver had not taken is lost with it.
pub const CROSSTIE_UNTAKEN_LOST: u32 = 0;
/// The next receiver gets it, if another end is open until then.
pub const CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN: u32 = 1;
/// The next receiver gets it.
pub const CROSSTIE_UNTAKEN_KEPT: u32 = 2;

/// What a mechanism can; the caller's own. Begin it with `CROSSTIE_CAPABILITIES_INIT`. The same as docs/delivery.md has as a table.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct crosstie_capabilities {
    /// sizeof(crosstie_capabilities), set by the caller.
    pub size: usize,
    /// `CROSSTIE_CAN_ORDER` and others, added.
    pub can: u32,
    /// How often a message is delivered: `CROSSTIE_BEST_EFFORT`, `CROSSTIE_AT_MOST_ONCE`, `CROSSTIE_AT_LEAST_ONCE`.
    pub delivery: u32,
    /// What becomes of what a dead receiver had not taken: `CROSSTIE_UNTAKEN_LOST`, `CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN`, `CROSSTIE_UNTAKEN_KEPT`.
    pub untaken: u32,
    /// 0.
    pub reserved: u32,
    /// The mechanism, as in an address: "queue".
    pub mechanism: [c_char; 16],
}

// SAFETY: repr(C), begins with its size, numbers only.
unsafe impl options::Sized for crosstie_capabilities {
    const NAME: &'static str = "crosstie_capabilities";
    const BYTES_FIRST: usize = 40;
    const ZERO: Self =
        Self { size: size_of::<Self>(), can: 0, delivery: 0, untaken: 0, reserved: 0, mechanism: [0; 16] };
}

impl crosstie_capabilities {
    fn of(row: Capabilities) -> Self {
        let can = [
            (row.is_ordered, CROSSTIE_CAN_ORDER),
            (row.tells_death, CROSSTIE_CAN_TELL_DEATH),
            (row.is_zero_copy, CROSSTIE_CAN_LEND),
            (row.has_many_senders, CROSSTIE_CAN_MANY_SENDERS),
            (row.has_many_receivers, CROSSTIE_CAN_MANY_RECEIVERS),
            (row.crosses_machines, CROSSTIE_CAN_CROSS_MACHINES),
            (row.carries_calls, CROSSTIE_CAN_CALL),
        ];
        let can = can.iter().filter_map(|&(can, flag)| can.then_some(flag)).sum();
        let delivery = match row.delivery {
            Delivery::AtMostOnce => CROSSTIE_AT_MOST_ONCE,
            Delivery::AtLeastOnce => CROSSTIE_AT_LEAST_ONCE,
            _ => CROSSTIE_BEST_EFFORT,
        };
        let untaken = match row.untaken {
            Untaken::Kept => CROSSTIE_UNTAKEN_KEPT,
            Untaken::KeptWhileOpen => CROSSTIE_UNTAKEN_KEPT_WHILE_OPEN,
            _ => CROSSTIE_UNTAKEN_LOST,
        };
        let mechanism = cut(row.mechanism);
        Self { can, delivery, untaken, mechanism, ..<Self as options::Sized>::ZERO }
    }
}

/// Reads `address` as every opening function does, and writes to `capabilities`, which may be NULL, what its mechanism can; opens nothing.
///
/// `CROSSTIE_E_USAGE` for what is none: `error` says which part, and what was meant. `CROSSTIE_E_UNSUPPORTED` where nothing general is to be said of
/// its mechanism.
///
/// Thread-safe; not async-signal-safe; as before a fork after it. Never waits. Nothing is to be freed.
///
/// # Safety
/// `address` is a text that ends in a zero; `capabilities` is NULL or begins with its size and can be written; `error` is NULL or the
/// caller's own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crosstie_address_check(
    address: *const c_char,
    capabilities: *mut crosstie_capabilities,
    error: *mut crosstie_error,
) -> crosstie_status {
    let work = || {
        handle::without_handle(|| {
            // SAFETY: it is NULL or begins with its size, which this function asks for.
            unsafe { options::check(capabilities) }?;
            // SAFETY: it is NULL or ends in a zero, which this function asks for.
            let text = unsafe { place::text("the address", address) }?;
            let address: Address = text.parse()?;
            if capabilities.is_null() {
                return Ok(());
            }
            let row = Capabilities::of(address.mechanism()).ok_or_else(|| {
                Error::new("read", text, ErrorKind::Unsupported)
                    .because("what it can depends on how it was made")
                    .advise("docs/delivery.md")
            })?;
            // SAFETY: `check` found its size right, and it can be written, which this function asks for.
            unsafe { options::write(capabilities, &crosstie_capabilities::of(row)) };
            Ok(())
        })
    };
    // SAFETY: `error` is NULL or the caller's own, which this function asks for.
    unsafe { answer(error, work) }
}
