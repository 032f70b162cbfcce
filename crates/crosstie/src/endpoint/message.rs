//! [`Message`]: what can be sent, and what it is on the other side.

use std::borrow::Cow;
use std::str::Utf8Error;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::payload::Payload;
use crate::error::{Error, ErrorKind, Result};

/// What can be sent and received.
///
/// Every type of serde's `Serialize + DeserializeOwned` is one, in
/// [postcard's wire format](https://postcard.jamesmunns.com/wire-format); `[u8]` is one as it is,
/// and so is `str`. Both sides must name the same type: the format does not describe itself.
///
/// # Examples
/// ```
/// use crosstie::endpoint::Message;
/// let (order, mut bytes) = ((7_u32, "seven".to_owned()), Vec::new());
/// let sent = order.encode(&mut bytes)?;
/// assert_eq!(<(u32, String)>::decode(sent)?, order);
/// # Ok::<(), crosstie::Error>(())
/// ```
pub trait Message {
    /// What a receiver gets: `T` for `T`, `Vec<u8>` for `[u8]`, `String` for `str`.
    type Owned;

    /// The message's bytes: its own, or written into `scratch` (whose content is overwritten).
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the type refuses to be encoded.
    fn encode<'a>(&'a self, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]>;

    /// As [`Message::encode`], several at once; those that are bytes already cost nothing.
    ///
    /// # Errors
    /// As [`Message::encode`], of the first that refuses.
    fn encode_all<'a>(
        messages: &'a [&'a Self],
        scratches: &'a mut Vec<Vec<u8>>,
    ) -> Result<Cow<'a, [&'a [u8]]>> {
        scratches.resize_with(messages.len().max(scratches.len()), Vec::new);
        messages.iter().zip(scratches).map(|(message, scratch)| message.encode(scratch)).collect()
    }

    /// The message that `payload` holds.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] if it holds none of this type.
    fn decode(payload: &[u8]) -> Result<Self::Owned>;

    /// As [`Message::decode`], of bytes that are the receiver's own and of no more use to it: plain bytes and text are not copied, but keep
    /// this memory. What is left in `payload` says nothing.
    ///
    /// # Errors
    /// As [`Message::decode`].
    ///
    /// # Examples
    /// ```
    /// use crosstie::endpoint::Message;
    /// let mut arrived = b"seven".to_vec();
    /// let place = arrived.as_ptr();
    /// let text = <str as Message>::take(&mut arrived)?;
    /// assert_eq!((text.as_str(), text.as_ptr()), ("seven", place));
    /// # Ok::<(), crosstie::Error>(())
    /// ```
    fn take(payload: &mut Vec<u8>) -> Result<Self::Owned> {
        Self::decode(payload)
    }

    /// The message that has just arrived; plain bytes are copied once, not twice.
    ///
    /// # Errors
    /// As [`Message::decode`].
    fn arrive(payload: &Payload<'_>, scratch: &mut Vec<u8>) -> Result<Self::Owned> {
        Self::decode(payload.bytes(scratch))
    }
}

impl<T: Serialize + DeserializeOwned> Message for T {
    type Owned = T;

    fn encode<'a>(&'a self, scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        let mut bytes = std::mem::take(scratch);
        bytes.clear();
        *scratch = postcard::to_extend(self, bytes).map_err(|error| {
            Error::new("encode", std::any::type_name::<T>(), ErrorKind::Usage).because(error.to_string())
        })?;
        Ok(scratch)
    }

    fn decode(payload: &[u8]) -> Result<T> {
        let wrong = |cause: String| {
            Error::new("decode", std::any::type_name::<T>(), ErrorKind::Mismatch)
                .because(format!("{cause}, in a message of {} bytes", payload.len()))
                .advise("both sides must use the same type")
        };
        match postcard::take_from_bytes(payload) {
            Ok((message, [])) => Ok(message),
            Ok((_, rest)) => Err(wrong(format!("{} bytes are left over", rest.len()))),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

impl Message for [u8] {
    type Owned = Vec<u8>;

    fn encode<'a>(&'a self, _scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        Ok(self)
    }

    fn encode_all<'a>(messages: &'a [&'a [u8]], _: &'a mut Vec<Vec<u8>>) -> Result<Cow<'a, [&'a [u8]]>> {
        Ok(Cow::Borrowed(messages))
    }

    fn decode(payload: &[u8]) -> Result<Vec<u8>> {
        Ok(payload.to_vec())
    }

    fn take(payload: &mut Vec<u8>) -> Result<Vec<u8>> {
        Ok(std::mem::take(payload))
    }

    fn arrive(payload: &Payload<'_>, _scratch: &mut Vec<u8>) -> Result<Vec<u8>> {
        Ok(payload.to_vec())
    }
}

impl Message for str {
    type Owned = String;

    fn encode<'a>(&'a self, _scratch: &'a mut Vec<u8>) -> Result<&'a [u8]> {
        Ok(self.as_bytes())
    }

    fn decode(payload: &[u8]) -> Result<String> {
        std::str::from_utf8(payload).map(str::to_owned).map_err(no_text)
    }

    fn take(payload: &mut Vec<u8>) -> Result<String> {
        String::from_utf8(std::mem::take(payload)).map_err(|error| no_text(error.utf8_error()))
    }
}

fn no_text(error: Utf8Error) -> Error {
    Error::new("decode", "str", ErrorKind::Mismatch).because(format!("the message is no text: {error}"))
}
