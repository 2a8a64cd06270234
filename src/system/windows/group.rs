//! A child process and all that it starts, which end together: what Windows calls its tree.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use tokio::process::Child;

/// The tree of a child that has not been waited for. Dropping it ends every process in it.
#[derive(Debug)]
pub(crate) struct Group(Option<u32>);

impl Group {
    /// Nothing has to be prepared: each process knows who started it.
    pub(crate) fn prepare(_: &mut Command) {}

    /// The tree below `child`.
    pub(crate) fn led_by(child: &Child) -> Self {
        Self(child.id())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // A job object would need unsafe code, or a dozen crates. Of a leader that has ended it
            // finds no tree, and says so to nobody.
            let _ = Command::new(taskkill())
                .args(["/F", "/T", "/PID", &leader.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The system's own, whatever `PATH` has by that name.
fn taskkill() -> PathBuf {
    let windows = env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    PathBuf::from(windows).join("System32").join("taskkill.exe")
}
