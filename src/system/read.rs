//! Reading with a size limit.

use std::io::{self, Read};

/// Reads to the end, which must come within `most` bytes: a longer file is the wrong one.
///
/// # Errors
///
/// The system's error, or [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_at_most(most: u64, reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}
