//! The process group of a child, which ends as a whole.

use std::{os::unix::process::CommandExt as _, process::Command};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The process group of a child. Dropping it ends every process in it.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// Makes the child that `command` starts the leader of its own group.
    pub(crate) fn prepare(command: &mut Command) {
        command.process_group(0);
    }

    /// The group that `child` leads.
    pub(crate) fn led_by(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // A process may ignore SIGTERM, and there is no time to wait whether it does.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
