//! The user's command as a probe.

use std::{
    process::{Command, Stdio},
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

/// The rest of a longer line is skipped.
const MAX_LINE_BYTES: usize = 1_000;
/// The most lines of one stream that are passed on in one run.
const MAX_LINES: usize = 100;
/// How long the pipes are read after the command has ended: a process that has left its group may
/// hold them open.
const DRAIN: Duration = Duration::from_millis(200);

/// Runs `command` once; `listener` receives the lines that it writes to either stream.
///
/// Its whole process group ends with it, and when this future is dropped.
///
/// # Errors
///
/// [`ProbeError`] if it cannot be run, or does not exit with 0.
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
    if status.success() {
        return Ok(());
    }
    let ended = Untrusted::from(status.to_string().as_str());
    Err(ProbeError::Command { ended, last_line: stderr.last })
}

/// The lines of one stream.
#[derive(Debug, Default)]
struct Lines {
    /// The beginning of a line that is not complete yet.
    line: Vec<u8>,
    last: Option<Untrusted>,
    count: usize,
}

impl Lines {
    /// Reads to the end, past [`MAX_LINES`] too, so that the command does not block on its output.
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
        self.count += 1;
        if self.count <= MAX_LINES {
            listener(&line);
        } else if self.count == MAX_LINES + 1 {
            listener(&Untrusted::from("… and more, which is not shown"));
        }
        self.last = Some(line);
    }
}
