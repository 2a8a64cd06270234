//! A build without the feature `exec`: the same interface.

use std::process::Command;

use crate::{text::untrusted::Untrusted, wait::probe::ProbeError};

/// # Errors
///
/// Always: [`ProbeError::CannotRun`].
#[expect(clippy::unused_async, reason = "with the feature `exec` it awaits the command")]
pub(super) async fn run(_: Command, _: impl Fn(&Untrusted)) -> Result<(), ProbeError> {
    Err(ProbeError::CannotRun("this library is built without the feature exec".into()))
}
