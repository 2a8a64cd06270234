//! A library without commands as probes: `exec` with the same face.

use std::process::Command;

use crate::{text::untrusted::Untrusted, wait::probe::ProbeError};

/// Refuses.
///
/// # Errors
///
/// Always.
#[expect(clippy::unused_async, reason = "where commands can be run, a run takes time")]
pub(super) async fn run(_: Command, _: impl Fn(&Untrusted)) -> Result<(), ProbeError> {
    Err(ProbeError::CannotRun("this library is built without the feature exec".into()))
}
