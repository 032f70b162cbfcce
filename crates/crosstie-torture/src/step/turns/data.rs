//! What is protected.

use std::hint::black_box;

/// What is protected: whole if the first two are equal. The third counts units, for a buffer.
pub type Data = [u64; 3];
pub const FIRST: usize = 0;
pub const SECOND: usize = 1;
pub const UNITS: usize = 2;

/// Changes the data in three steps, between which they are not whole.
pub fn change(data: &mut Data, units: i64) {
    data[FIRST] += 1;
    black_box(&mut *data);
    data[UNITS] = data[UNITS].wrapping_add_signed(units);
    black_box(&mut *data);
    data[SECOND] += 1;
}

/// Makes the data whole again.
pub fn mend(data: &mut Data) {
    let most = data[FIRST].max(data[SECOND]);
    (data[FIRST], data[SECOND]) = (most, most);
}
