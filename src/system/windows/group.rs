//! The process tree of a child, which ends as a whole.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use tokio::process::Child;

/// The process tree of a child that has not been waited for. Dropping it ends every process in it.
#[derive(Debug)]
pub(crate) struct Group(Option<u32>);

impl Group {
    /// Does nothing: Windows records the parent of each process.
    pub(crate) fn prepare(_: &mut Command) {}

    /// The tree whose root is `child`.
    pub(crate) fn led_by(child: &Child) -> Self {
        Self(child.id())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // A job object would need unsafe code, or a dozen crates. If the leader has ended,
            // taskkill finds no tree and fails, which does not matter.
            let _ = Command::new(taskkill())
                .args(["/F", "/T", "/PID", &leader.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The system's own taskkill, whatever `PATH` contains.
fn taskkill() -> PathBuf {
    let windows = env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    PathBuf::from(windows).join("System32").join("taskkill.exe")
}
