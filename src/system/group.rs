//! A child process and all that it starts, which end together.

use std::process::Command;

/// The process group of a child. Dropping it ends every process in it.
#[derive(Debug)]
pub(crate) struct Group(#[cfg(unix)] Option<rustix::process::Pid>);

impl Group {
    /// Makes the child that `command` starts the leader of a group of its own.
    #[cfg(unix)]
    pub(crate) fn prepare(command: &mut Command) {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }

    /// The group that the child with this id leads.
    #[cfg(unix)]
    pub(crate) fn led_by(child: Option<u32>) -> Self {
        let id = child.and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    /// Nothing has to be prepared: the child alone is ended, by who started it.
    #[cfg(not(unix))]
    pub(crate) fn prepare(_: &mut Command) {}

    /// The child alone, which who started it ends.
    #[cfg(not(unix))]
    pub(crate) fn led_by(_: Option<u32>) -> Self {
        Self()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.0 {
            // Whoever ignores a request would outlive us; there is no time to wait for an answer.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}
