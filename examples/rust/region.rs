//! Raw POSIX shared memory: the other side of the C programs in examples/c/.
//!
//! `cargo run --example region -- write /my_region`, then `./read_region /my_region`, or the other
//! way round.
use std::error::Error;

use crosstie::region::Region;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let name = arguments.next().unwrap_or("/my_region".into());
    match verb.as_str() {
        "write" => Ok(Region::open_or_create(&name, 4096)?.write_at(0, b"Shared data\0")?),
        "read" => {
            let mut bytes = [0; 4096];
            Region::open(&name)?.read_at(0, &mut bytes)?;
            println!("{}", std::ffi::CStr::from_bytes_until_nul(&bytes)?.to_str()?);
            Ok(Region::unlink(&name)?)
        }
        _ => Err("say write or read, then perhaps a name".into()),
    }
}
