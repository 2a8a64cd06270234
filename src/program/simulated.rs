//! `--simulate`: a simulated API on loopback, and a source that asks it.

use std::time::Duration;

use tracing::warn;

use super::{cli::Cli, failure::Failure};
use crate::{
    answer::instance::InstanceId,
    api::{
        credentials::ApiKey,
        http::{HttpOptions, HttpSource},
        url::{ApiUrl, PlainHttp},
    },
    simulate::{script::Script, server::SimulatedApi, simulation::Simulation},
    terminal::subscriber::ALWAYS,
};

/// A simulated API that serves as long as this lives.
pub(crate) struct Simulated {
    api: SimulatedApi,
    request_timeout: Duration,
}

impl Simulated {
    /// Serves `ids` if the command line asks for a simulation, and says that it is one.
    pub(crate) async fn if_wanted(cli: &Cli, ids: &[InstanceId]) -> Result<Option<Self>, Failure> {
        match &cli.api.simulate {
            Some(script) => Self::start(script, ids, cli.pace.request_timeout).await.map(Some),
            None => Ok(None),
        }
    }

    async fn start(
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

    /// Who stands in for the instances when they are to be reached.
    pub(crate) fn ssh_address(&self) -> std::net::SocketAddr {
        self.api.ssh_address()
    }

    /// A source that asks it, past every proxy.
    pub(crate) fn source(&self) -> Result<HttpSource, Failure> {
        let cannot = "cannot ask the simulated API";
        let url = ApiUrl::new(&self.api.url(), PlainHttp::LoopbackOnly)
            .map_err(|error| Failure::unexpected(cannot, &error))?;
        let key = ApiKey::new(self.api.key()).map_err(|e| Failure::unexpected(cannot, &e))?;
        let options = HttpOptions { request_timeout: self.request_timeout, proxies: false };
        HttpSource::new(url, key, options).map_err(|error| Failure::unexpected(cannot, &error))
    }
}
