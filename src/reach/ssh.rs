//! Hearing whether an SSH server is there (RFC 4253 section 4.2).

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, timeout_at},
};

use crate::{text::untrusted::Untrusted, wait::probe::ProbeError};

/// The most bytes that are read in search of an identification string.
const MAX_PREAMBLE_BYTES: usize = 8 * 1024;
/// The longest identification string, with its line end (RFC 4253 section 4.2).
const MAX_IDENTIFICATION_BYTES: usize = 255;

/// Listens until `deadline` for the identification of an SSH 2.0 server; `waited` is the time
/// that a silent one is said to have had.
///
/// # Errors
///
/// [`ProbeError`] when the peer is something else, breaks off, or says too little in time.
pub async fn hear_ssh(
    peer: impl AsyncRead + Unpin,
    deadline: Instant,
    waited: Duration,
) -> Result<(), ProbeError> {
    let mut heard = Heard::default();
    match timeout_at(deadline, heard.identification(peer)).await {
        Ok(result) => result,
        Err(_) => Err(heard.at_timeout(waited)),
    }
}

/// What a peer has said so far.
#[derive(Debug, Default)]
struct Heard {
    line: Vec<u8>,
    first_line: Option<Vec<u8>>,
    bytes: usize,
}

impl Heard {
    /// Reads until a line is an identification string of SSH 2.0.
    ///
    /// A server may send other lines before it (RFC 4253 section 4.2), such as a warning.
    async fn identification(&mut self, mut peer: impl AsyncRead + Unpin) -> Result<(), ProbeError> {
        let mut chunk = [0; 512];
        loop {
            let count = peer.read(&mut chunk).await?;
            if count == 0 {
                return Err(if self.bytes == 0 { ProbeError::Closed } else { self.not_ssh() });
            }
            for &byte in &chunk[..count] {
                if self.take(byte)? {
                    return Ok(());
                }
            }
        }
    }

    /// Takes one byte; whether it completes an identification string.
    fn take(&mut self, byte: u8) -> Result<bool, ProbeError> {
        self.bytes += 1;
        self.line.push(byte);
        if byte == b'\n' {
            if self.line.starts_with(b"SSH-") {
                let is_ssh_2 =
                    self.line.starts_with(b"SSH-2.0-") || self.line.starts_with(b"SSH-1.99-");
                return if is_ssh_2 { Ok(true) } else { Err(self.not_ssh()) };
            }
            if self.line.starts_with(b"HTTP/") {
                return Err(self.not_ssh());
            }
            let line = std::mem::take(&mut self.line);
            self.first_line.get_or_insert(line);
        } else if self.line.starts_with(b"SSH-") && self.line.len() >= MAX_IDENTIFICATION_BYTES {
            return Err(self.not_ssh());
        }
        if self.bytes >= MAX_PREAMBLE_BYTES { Err(self.not_ssh()) } else { Ok(false) }
    }

    fn not_ssh(&self) -> ProbeError {
        let said = if self.line.starts_with(b"SSH-") {
            &self.line
        } else {
            self.first_line.as_ref().unwrap_or(&self.line)
        };
        let text = String::from_utf8_lossy(&said[..said.len().min(80)]);
        ProbeError::NotSsh(Untrusted::from(text.trim_end()))
    }

    fn at_timeout(&self, waited: Duration) -> ProbeError {
        if self.bytes == 0 { ProbeError::Silent(waited) } else { self.not_ssh() }
    }
}
