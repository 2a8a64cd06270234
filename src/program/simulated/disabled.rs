//! A program built without a simulated API. It has no `--simulate`, so none of this is ever called.

use std::time::Duration;

use crate::{
    answer::instance::InstanceId, api::http::HttpSource, program::failure::Failure,
    reach::NetProbe, simulate::script::Script, wait::condition::Condition,
};

/// No simulated API.
pub(crate) enum Simulated {}

impl Simulated {
    /// Always fails.
    #[expect(clippy::unused_async, reason = "the enabled one takes time to start")]
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

/// Returns false: there is no option that a script could have been meant for.
pub(crate) fn is_script(_: &str, _: bool) -> bool {
    false
}
