//! [`Shareable`]: what a type promises that may lie in memory which other processes write.
#![expect(unsafe_code, reason = "promises for the types of the language")]

use std::marker::PhantomData;

use crosstie_core::layout::header::layout_hash;

/// A type that may lie in memory which processes share.
///
/// Derive it: `#[derive(Shareable)] #[repr(C)]`. It is implemented for integers and floats of fixed
/// width, atomics of fixed width, arrays, `()` and the containers of this module.
///
/// | not shareable | because | take instead |
/// |---|---|---|
/// | references, pointers, `String`, `Vec`, `Box` | an address means nothing in another process | [`Text`](super::Text), [`List`](super::List), [`Deque`](super::Deque), arrays |
/// | `bool`, `char`, enums, `Option` | most bytes are no value of theirs, and a peer may write any | `u8`, `u32`, and a method that reads them |
/// | `usize`, `isize` | 4 bytes in one program, 8 in another | `u64`, `i64` |
/// | types with `Drop` | whoever dies drops nothing | plain data |
///
/// # Safety
/// The type is `#[repr(C)]` or `#[repr(transparent)]`, of the same size and layout in every program of
/// this machine; every pattern of bytes is a valid value of it; it has no padding that anybody reads, no pointer,
/// and no drop glue; it
/// may be copied bytewise while nobody else uses it; and it may be used from any thread of any process.
///
/// # Examples
/// ```
/// use crosstie::Shareable;
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Stock {
///     count: u32,
///     reserved: u32,
///     price_cents: u64,
/// }
/// assert_eq!(Stock::describe(), "Stock { count: u32, reserved: u32, price_cents: u64 }");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot lie in memory that processes share",
    label = "not `Shareable`",
    note = "instead of String, Vec, VecDeque take crosstie::shareable::{{Text, List, Deque}} or arrays; instead of bool, char, \
            enums and Option an integer; instead of usize u64; a pointer means nothing in another process",
    note = "your own structs: #[derive(crosstie::Shareable)] #[repr(C)]"
)]
pub unsafe trait Shareable: Send + 'static {
    /// A hash of the layout: two programs that mean the same by the bytes have the same.
    const LAYOUT: u64;

    /// The type in words, for who opened an object as another one.
    fn describe() -> String;
}

/// Adds a part to a layout's hash, in order; for the derive.
#[doc(hidden)]
#[must_use]
pub const fn fold(hash: u64, part: u64) -> u64 {
    (hash.rotate_left(7) ^ part).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The hash of a name; for the derive.
#[doc(hidden)]
#[must_use]
pub const fn name(text: &str) -> u64 {
    layout_hash(text)
}

macro_rules! fixed_width {
    ($($of:ty),+) => {$(
        // SAFETY: of fixed width in every program, every pattern of bytes is a value, no pointer, no drop.
        unsafe impl Shareable for $of {
            const LAYOUT: u64 = layout_hash(stringify!($of));

            fn describe() -> String {
                stringify!($of).to_owned()
            }
        }
    )+};
}

fixed_width!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128, f32, f64);

macro_rules! atomics {
    ($($name:ident of $of:literal),+) => {$(
        // SAFETY: as the integer in it; all access is atomic.
        unsafe impl Shareable for crosstie_core::atomic::$name {
            const LAYOUT: u64 = layout_hash($of);

            fn describe() -> String {
                stringify!($name).to_owned()
            }
        }
    )+};
}

atomics!(
    AtomicU8 of "u8", AtomicU16 of "u16", AtomicU32 of "u32", AtomicU64 of "u64",
    AtomicI8 of "i8", AtomicI16 of "i16", AtomicI32 of "i32", AtomicI64 of "i64"
);

// SAFETY: it has no bytes, so none that anybody could misread.
unsafe impl Shareable for () {
    const LAYOUT: u64 = layout_hash("()");

    fn describe() -> String {
        "()".to_owned()
    }
}

// SAFETY: it has no bytes, so none that anybody could misread.
unsafe impl<T: Send + 'static> Shareable for PhantomData<T> {
    const LAYOUT: u64 = layout_hash("()");

    fn describe() -> String {
        "()".to_owned()
    }
}

// SAFETY: elements of such a type, without gaps.
unsafe impl<T: Shareable, const N: usize> Shareable for [T; N] {
    const LAYOUT: u64 = fold(fold(layout_hash("array"), T::LAYOUT), N as u64);

    fn describe() -> String {
        format!("[{}; {N}]", T::describe())
    }
}
