//! [`Text`]: at most N bytes of UTF-8, in place.

use std::fmt;
use std::str::FromStr;

use super::{List, Shareable};

/// Text of at most `N` bytes, without a pointer.
///
/// Others may write its bytes, so they are looked at with each use: of bytes that are no UTF-8,
/// [`Text::as_str`] answers those before the first wrong one.
///
/// # Examples
/// ```
/// use crosstie::shareable::Text;
/// let mut name: Text<8> = "tea".parse().unwrap();
/// name.push_str(" pot").unwrap();
/// assert_eq!(name.as_str(), "tea pot");
/// assert!(name.push_str("s!").is_err(), "longer than 8 bytes");
/// ```
#[derive(Clone, Copy, Shareable)]
#[repr(C)]
#[shareable(inside)]
pub struct Text<const N: usize> {
    bytes: List<u8, N>,
}

/// The text has more bytes than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How many bytes it has.
    pub bytes: usize,
    /// How many there is room for.
    pub room: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text has {} bytes, there is room for {}", self.bytes, self.room)
    }
}

impl std::error::Error for TooLong {}

impl<const N: usize> Text<N> {
    /// No text.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: List::new() }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&self.bytes[..error.valid_up_to()]).unwrap_or_default(),
        }
    }

    /// Appends `text`, whole or not at all.
    ///
    /// # Errors
    /// [`TooLong`] when there is no room for all of it.
    pub fn push_str(&mut self, text: &str) -> Result<(), TooLong> {
        let room = N - self.bytes.len();
        if text.len() > room {
            return Err(TooLong { bytes: text.len(), room });
        }
        for byte in text.bytes() {
            // There is room: that was just looked at.
            let _ = self.bytes.push(byte);
        }
        Ok(())
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> FromStr for Text<N> {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        let mut this = Self::new();
        this.push_str(text)?;
        Ok(this)
    }
}

impl<const N: usize> PartialEq<str> for Text<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_fits_is_kept_whole_and_what_does_not_changes_nothing(parts in prop::collection::vec(".{0,6}", 0..6)) {
            let (mut ours, mut std) = (Text::<12>::new(), String::new());
            for part in parts {
                let fits = std.len() + part.len() <= 12;
                prop_assert_eq!(ours.push_str(&part).is_ok(), fits);
                if fits {
                    std.push_str(&part);
                }
                prop_assert_eq!(ours.as_str(), std.as_str());
            }
        }

        #[test]
        fn bytes_that_are_no_text_are_cut_off(bytes in prop::collection::vec(any::<u8>(), 0..8)) {
            let mut text = Text::<8>::new();
            for byte in &bytes {
                text.bytes.push(*byte).unwrap();
            }
            prop_assert!(bytes.starts_with(text.as_str().as_bytes()));
        }
    }
}
