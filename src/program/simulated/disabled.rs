//! A program without a simulated API: it has no `--simulate`, so nothing here is ever asked for.

use std::time::Duration;

use crate::{
    answer::instance::InstanceId, api::http::HttpSource, program::failure::Failure,
    reach::NetProbe, simulate::script::Script, wait::condition::Condition,
};

/// No simulated API.
pub(crate) enum Simulated {}

impl Simulated {
    /// Refuses.
    #[expect(clippy::unused_async, reason = "where there is one, it takes time to start")]
    pub(crate) async fn start(_: &Script, _: &[InstanceId], _: Duration) -> Result<Self, Failure> {
        Err(Failure::usage("this program is built without a simulated API".to_owned()))
    }

    /// No source.
    pub(crate) fn source(&self) -> Result<HttpSource, Failure> {
        match *self {}
    }

    /// No probe.
    pub(crate) fn stand_in(&self, _: NetProbe, _: &Condition) -> NetProbe {
        match *self {}
    }
}

/// Returns whether `word` is surely a script; there is no option that it could have been meant for.
pub(crate) fn is_script(_: &str, _: bool) -> bool {
    false
}
