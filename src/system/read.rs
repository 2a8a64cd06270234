//! Reading with a bound.

use std::io::{self, Read};

/// Reads to the end, which has to come within `most` bytes: what is longer is not what was meant.
///
/// # Errors
///
/// What the system says, and [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_at_most(most: u64, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}
