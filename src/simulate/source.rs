//! The simulated API in process, without a socket: for tests under a paused clock.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{
    script::{Reply, ScriptedHint},
    simulation::{Served, SimulatedInstance, Simulation},
};
use crate::{
    answer::{
        Answer,
        hint::Hint,
        instance::{Instance, InstanceId, InstanceType, Region},
        poll_error::{Fault, PollError, ServerError},
    },
    text::untrusted::Untrusted,
    wait::source::InstanceSource,
};

/// A [`Simulation`] as a source: one single request for each instance, one after the other.
#[derive(Debug, Clone)]
pub struct SimulatedSource {
    simulation: Simulation,
    started: Option<Instant>,
    request_timeout: Duration,
}

impl SimulatedSource {
    /// A source whose time begins with its first request.
    #[must_use]
    pub fn new(simulation: Simulation, request_timeout: Duration) -> Self {
        Self { simulation, started: None, request_timeout }
    }

    /// What it was asked and what it has played so far.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    async fn get(&mut self, id: &InstanceId) -> Result<Instance, PollError> {
        let now = self.started.get_or_insert_with(Instant::now).elapsed();
        let (delay, served) = self.simulation.get(id.as_str(), now);
        let answer = async {
            sleep(delay).await;
            match served {
                Served::Found(instance) => read(&instance),
                Served::Other(reply) => Err(fault(&reply).await),
            }
        };
        timeout(self.request_timeout, answer)
            .await
            .unwrap_or_else(|_| Err(PollError::transient(Fault::TimedOut(self.request_timeout))))
    }
}

impl InstanceSource for SimulatedSource {
    async fn poll(&mut self, ids: &[InstanceId], answers: &mut [Answer]) -> Option<String> {
        for (id, place) in ids.iter().zip(answers) {
            let answer = self.get(id).await;
            let is_paused = answer.as_ref().is_err_and(PollError::asks_for_a_pause);
            *place = Some(answer);
            if is_paused {
                break;
            }
        }
        None
    }
}

fn read(instance: &SimulatedInstance) -> Result<Instance, PollError> {
    let ip = instance.address().map_err(|text| {
        PollError::malformed(format!("its ip is not an address to connect to: {text:?}"))
    })?;
    Ok(Instance {
        id: instance.id.clone(),
        instance_type: InstanceType::Gpu8xH100Sxm5,
        region: Region::UsWest,
        sector: None,
        ip,
        status: instance.status.clone(),
        creator_user_nickname: None,
    })
}

/// What a client makes of `reply`.
async fn fault(reply: &Reply) -> PollError {
    let broken = |text: &str| PollError::transient(Fault::Broken(Untrusted::from(text)));
    match reply {
        Reply::Error { status, hint } => {
            let hint = hint.map(|ScriptedHint { wait, header, .. }| Hint { wait, header });
            PollError::from_answer(ServerError::bare(*status), hint, None)
        }
        Reply::Drop => broken("closed without an answer"),
        Reply::Truncate => broken("closed in the middle of the body"),
        Reply::Html => PollError::malformed("not JSON"),
        Reply::Oversized => PollError::transient(Fault::Oversized(1 << 20)),
        Reply::Hang(time) | Reply::Slow(time) => {
            sleep(*time).await;
            broken("closed without an answer")
        }
        Reply::Instance { .. } => PollError::malformed("an instance that was not asked for"),
    }
}
