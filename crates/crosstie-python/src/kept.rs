//! [`Kept`]: what is lent from, on the heap, and nobody's but its borrower's meanwhile.
#![expect(unsafe_code, reason = "owns what something beside it borrows")]

use std::ptr::NonNull;

/// A value with a place of its own, which stays where this moves. It is no `Box`: a `Box` that moves claims to be the only way to
/// its value, which is not so while something beside it borrows that.
pub struct Kept<T>(NonNull<T>);

// SAFETY: it owns the value, as a `Box` does; who may be in another thread may be there with it.
unsafe impl<T: Send> Send for Kept<T> {}

impl<T> Kept<T> {
    pub fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(value))))
    }

    pub fn value(&mut self) -> &mut T {
        // SAFETY: it is there until the drop of `self`, which nobody but the caller has; while something of `lend` lives, whoever
        // keeps both comes here by no way (`lend`).
        unsafe { self.0.as_mut() }
    }

    /// The value for as long as is said, for what is to stand beside this.
    ///
    /// # Safety
    /// What is made of it goes before this does, and until then nobody calls [`Kept::value`] or [`Kept::into_inner`].
    pub unsafe fn lend<'a>(&mut self) -> &'a mut T {
        // SAFETY: it is there until the drop of `self`, and nobody else comes to it meanwhile, both of which this function asks for.
        unsafe { &mut *self.0.as_ptr() }
    }

    pub fn into_inner(self) -> T {
        let this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `new` made it of a `Box`, and `this` is neither dropped nor used again: it is freed once, here.
        *unsafe { Box::from_raw(this.0.as_ptr()) }
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: `new` made it of a `Box`, and this is its last use: what was lent has gone before (`lend`).
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What keeps and what borrows, as a loan has them.
    struct Both<'a> {
        borrows: &'a mut Vec<u8>,
        kept: Kept<Vec<u8>>,
    }

    #[test]
    fn what_is_lent_stays_where_it_is_while_both_move() {
        let mut kept = Kept::new(vec![1]);
        // SAFETY: `borrows` is not used again behind the last move, and nobody comes to the value before.
        let both = Both { borrows: unsafe { kept.lend() }, kept };
        let moved = std::thread::spawn(move || {
            let Both { borrows, kept } = both;
            borrows.push(2);
            kept
        });
        let mut kept = moved.join().unwrap();
        assert_eq!(kept.value(), &[1, 2]);
        assert_eq!(kept.into_inner(), [1, 2]);
    }

    #[test]
    fn it_is_freed_once() {
        let shared = std::sync::Arc::new(());
        drop(Kept::new(shared.clone()));
        drop(Kept::new(shared.clone()).into_inner());
        assert_eq!(std::sync::Arc::strong_count(&shared), 1);
    }
}
