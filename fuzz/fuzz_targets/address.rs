//! Addresses: any text is an address or an error with a text; an address says itself, and that text
//! is the same address.
#![no_main]

use crosstie::endpoint::{Address, size};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match text.parse::<Address>() {
        Ok(address) => {
            let said = address.to_string();
            let again: Address = said.parse().unwrap_or_else(|error| panic!("{text:?} → {said:?}: {error}"));
            assert_eq!(again, address, "{text:?} → {said:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _ = size::parse(&text);
});
