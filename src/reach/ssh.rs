//! The SSH probe: an identification string succeeds (RFC 4253 section 4.2).

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, timeout_at},
};

use crate::{text::untrusted::Untrusted, wait::probe::ProbeError};

/// The most bytes read until an identification string is complete.
const MAX_PREAMBLE_BYTES: usize = 8 * 1024;
/// The longest identification string, CR LF included (RFC 4253 section 4.2).
const MAX_IDENTIFICATION_BYTES: usize = 255;

/// Reads the identification string of an SSH 2.0 server.
///
/// It must come by `deadline`; `timeout` is what the error reports then.
///
/// # Errors
///
/// [`ProbeError`] if the peer is not an SSH server, closes the connection, or is too late.
pub async fn hear_ssh(
    peer: impl AsyncRead + Unpin,
    deadline: Instant,
    timeout: Duration,
) -> Result<(), ProbeError> {
    let mut heard = Heard::default();
    match timeout_at(deadline, heard.identification(peer)).await {
        Ok(result) => result,
        Err(_) if heard.bytes == 0 => Err(ProbeError::Silent(timeout)),
        Err(_) => Err(heard.not_ssh()),
    }
}

/// What a peer has sent so far.
#[derive(Debug, Default)]
struct Heard {
    line: Vec<u8>,
    first_line: Option<Vec<u8>>,
    bytes: usize,
}

impl Heard {
    /// Reads until a line is an SSH 2.0 identification string. Other lines, such as a warning, may
    /// come before it (RFC 4253 section 4.2).
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

    /// Takes one byte; returns whether it completes an identification string.
    fn take(&mut self, byte: u8) -> Result<bool, ProbeError> {
        self.bytes += 1;
        self.line.push(byte);
        if byte == b'\n' {
            // 1.99 is 2.0 with support for older clients (RFC 4253 section 5.1).
            if self.line.starts_with(b"SSH-2.0-") || self.line.starts_with(b"SSH-1.99-") {
                return Ok(true);
            }
            if self.line.starts_with(b"SSH-") || self.line.starts_with(b"HTTP/") {
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
}
