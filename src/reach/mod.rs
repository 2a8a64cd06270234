//! Probes of an address: over TCP, SSH or HTTP, or by the user's command.

#[cfg(feature = "exec")]
pub mod exec;
#[cfg(not(feature = "exec"))]
#[path = "no_exec.rs"]
mod exec;
pub mod http;
pub mod ssh;
pub mod template;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::{
    answer::instance::InstanceId,
    text::untrusted::Untrusted,
    wait::{
        condition::Condition,
        probe::{Probe, ProbeError, Target},
    },
};
use http::get;
use ssh::hear_ssh;
use template::Template;

/// The timeout of one attempt over the network.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most concurrent attempts over the network: each needs a file descriptor.
const MAX_ATTEMPTS: usize = 128;
/// The most commands that run at once.
const MAX_COMMANDS: usize = 8;

/// A [`Probe`] over the network, or by a command.
#[derive(Debug)]
pub struct NetProbe {
    stand_in: Option<SocketAddr>,
    command: Option<Command>,
    attempts: Semaphore,
    commands: Semaphore,
}

type Listener = dyn Fn(&InstanceId, &Untrusted) + Send + Sync;

/// A command that probes, and the listener for its output.
struct Command {
    template: Template,
    listener: Box<Listener>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.template).finish()
    }
}

impl NetProbe {
    /// Makes a probe that connects to each address.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stand_in: None,
            command: None,
            attempts: Semaphore::new(MAX_ATTEMPTS),
            commands: Semaphore::new(MAX_COMMANDS),
        }
    }

    /// Connects to `peer` in place of every address that is not loopback: the addresses of a
    /// simulation do not exist, or are someone else's.
    #[must_use]
    pub fn with_stand_in(mut self, peer: SocketAddr) -> Self {
        self.stand_in = Some(peer);
        self
    }

    /// Runs `template` for [`Condition::Exec`]; `listener` receives each line that it writes.
    #[must_use]
    pub fn with_command(
        mut self,
        template: Template,
        listener: impl Fn(&InstanceId, &Untrusted) + Send + Sync + 'static,
    ) -> Self {
        self.command = Some(Command { template, listener: Box::new(listener) });
        self
    }

    async fn connect(
        &self,
        ip: IpAddr,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, ProbeError> {
        let peer = match self.stand_in {
            Some(stand_in) if !ip.to_canonical().is_loopback() => stand_in,
            _ => SocketAddr::new(ip, port),
        };
        match timeout_at(deadline, TcpStream::connect(peer)).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(ProbeError::ConnectTimedOut(ATTEMPT_TIMEOUT)),
        }
    }

    async fn run(&self, target: Target<'_>) -> Result<(), ProbeError> {
        let Some(command) = &self.command else {
            return Err(ProbeError::CannotRun("there is no command to run".into()));
        };
        let _slot = self.commands.acquire().await;
        let filled = command.template.fill(target.id.as_str(), &target.address.to_string());
        exec::run(filled, |line| (command.listener)(target.id, line)).await
    }
}

impl Default for NetProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe for NetProbe {
    async fn attempt(&self, target: Target<'_>) -> Result<(), ProbeError> {
        if *target.condition == Condition::Exec {
            return self.run(target).await;
        }
        let _slot = self.attempts.acquire().await;
        let deadline = Instant::now() + ATTEMPT_TIMEOUT;
        let ip = target.address.ip();
        match target.condition {
            Condition::Tcp { port } => self.connect(ip, *port, deadline).await.map(drop),
            Condition::Ssh { port } => {
                let stream = self.connect(ip, *port, deadline).await?;
                hear_ssh(stream, deadline, ATTEMPT_TIMEOUT).await
            }
            Condition::Http { port, path } => {
                let stream = self.connect(ip, *port, deadline).await?;
                get(stream, SocketAddr::new(ip, *port), path, deadline, ATTEMPT_TIMEOUT).await
            }
            Condition::Ready | Condition::Stopped | Condition::Deleted | Condition::Exec => Ok(()),
        }
    }
}
