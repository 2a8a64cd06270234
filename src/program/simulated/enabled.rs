//! A simulated API on loopback, and a source that polls it.

use std::{error::Error, time::Duration};

use tracing::warn;

use crate::{
    answer::instance::InstanceId,
    api::{
        credentials::ApiKey,
        http::{HttpOptions, HttpSource},
        url::{ApiUrl, PlainHttp},
    },
    program::failure::Failure,
    reach::NetProbe,
    simulate::{script::Script, server::SimulatedApi, simulation::Simulation},
    terminal::subscriber::ALWAYS,
    wait::condition::Condition,
};

/// A simulated API that serves until this is dropped.
pub(crate) struct Simulated {
    api: SimulatedApi,
    request_timeout: Duration,
}

impl Simulated {
    /// Starts to serve `ids`, and warns that this is a simulation.
    pub(crate) async fn start(
        script: &Script,
        ids: &[InstanceId],
        request_timeout: Duration,
    ) -> Result<Self, Failure> {
        let simulation = Simulation::new(script.clone(), ids.iter().cloned());
        let api = SimulatedApi::start(simulation)
            .await
            .map_err(|error| Failure::unexpected("cannot serve a simulated API", &error))?;
        warn!(
            target: ALWAYS, event = "simulation",
            "this is a simulation ({}): no instance and no address is real",
            api.url()
        );
        Ok(Self { api, request_timeout })
    }

    /// Makes `probe` connect to the stand-in for the instances.
    pub(crate) fn stand_in(&self, probe: NetProbe, condition: &Condition) -> NetProbe {
        probe.with_stand_in(match condition {
            Condition::Http { .. } => self.api.http_address(),
            _ => self.api.ssh_address(),
        })
    }

    /// A source that polls it, past every proxy.
    pub(crate) fn source(&self) -> Result<HttpSource, Failure> {
        let cannot = |error: &dyn Error| Failure::unexpected("cannot use the simulated API", error);
        let url = ApiUrl::new(&self.api.url(), PlainHttp::LoopbackOnly).map_err(|e| cannot(&e))?;
        let key = ApiKey::new(self.api.key()).map_err(|e| cannot(&e))?;
        let options = HttpOptions { request_timeout: self.request_timeout, proxies: false };
        HttpSource::new(url, key, options).map_err(|e| cannot(&e))
    }
}

/// Returns whether `word` must be meant as a script for `--simulate=`: a list of steps, or in a
/// simulation a single step.
pub(crate) fn is_script(word: &str, simulates: bool) -> bool {
    (simulates || word.contains(',')) && word.parse::<Script>().is_ok()
}
