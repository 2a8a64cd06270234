//! A command of the user's own as a probe: one run of it.

use std::{
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{FusedFuture as _, join},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use crate::{
    system::{group::Group, limits::is_of_limits},
    text::untrusted::Untrusted,
    wait::probe::ProbeError,
};

/// Of a longer line the rest is passed over.
const MAX_LINE_BYTES: usize = 1_000;
/// The most lines of one stream that are told in one run.
const MAX_LINES_TOLD: usize = 100;
/// How long what is left in the pipes is read after the command has ended: a process that has left
/// its group may hold them open.
const DRAIN: Duration = Duration::from_millis(200);

/// Runs `command` once; `listener` is told the lines that it writes, on either stream.
///
/// Every process of its group ends with it, and with this future.
///
/// # Errors
///
/// [`ProbeError`] when it cannot be run, or ends otherwise than with 0.
pub async fn run(mut command: Command, listener: impl Fn(&Untrusted)) -> Result<(), ProbeError> {
    let cannot_run = |error: std::io::Error| {
        if is_of_limits(&error) {
            return error.into();
        }
        ProbeError::CannotRun(error.to_string().as_str().into())
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Group::prepare(&mut command);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.kill_on_drop(true).spawn().map_err(cannot_run)?;
    let group = Group::led_by(&child);
    let mut stderr = Lines::default();
    let status = {
        let mut stdout = Lines::default();
        let streams = (child.stdout.take(), child.stderr.take());
        let mut reading = std::pin::pin!(
            join(stdout.read(streams.0, &listener), stderr.read(streams.1, &listener)).fuse()
        );
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = &mut reading => {}
            }
        };
        drop(group);
        if !reading.is_terminated() {
            let _ = timeout(DRAIN, reading).await;
        }
        status.map_err(cannot_run)?
    };
    if status.success() { Ok(()) } else { Err(failed(status, stderr.last)) }
}

fn failed(status: ExitStatus, last_line: Option<Untrusted>) -> ProbeError {
    ProbeError::Command { ended: Untrusted::from(status.to_string().as_str()), last_line }
}

/// The lines of one stream: the last of them, and the one that is not whole yet.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    last: Option<Untrusted>,
    told: usize,
}

impl Lines {
    /// Reads to the end; a flood is read too, so that the command does not stand still, and not told.
    async fn read(
        &mut self,
        stream: Option<impl AsyncRead + Unpin>,
        listener: &impl Fn(&Untrusted),
    ) {
        let Some(mut stream) = stream else { return };
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            for &byte in &chunk[..count] {
                if byte == b'\n' {
                    self.end_line(listener);
                } else if self.line.len() < MAX_LINE_BYTES {
                    self.line.push(byte);
                }
            }
        }
        self.end_line(listener);
    }

    fn end_line(&mut self, listener: &impl Fn(&Untrusted)) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        let line = Untrusted::from(String::from_utf8_lossy(line).as_ref());
        self.told += 1;
        if self.told <= MAX_LINES_TOLD {
            listener(&line);
        } else if self.told == MAX_LINES_TOLD + 1 {
            listener(&Untrusted::from("… and more, which is not shown"));
        }
        self.last = Some(line);
    }
}
