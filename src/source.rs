//! Where answers about instances come from.

use std::future::Future;

use crate::{instance::InstanceId, policy::Answer};

/// What one round of polls brought.
#[derive(Debug, Default)]
pub struct Round {
    /// One answer for each instance asked for, in the order asked.
    pub answers: Vec<Answer>,
    /// Something that a person should know of how the answers were got.
    pub notice: Option<String>,
}

/// Something that can be asked about instances.
pub trait InstanceSource {
    /// Asks once about each of `ids`.
    ///
    /// Everything that goes wrong is an answer too. An instance that the round did not get to,
    /// because the server asked for a pause on the way, has none. Dropping the future abandons
    /// the round.
    fn poll(&mut self, ids: &[InstanceId]) -> impl Future<Output = Round> + Send;
}

impl<S: InstanceSource + Send> InstanceSource for &mut S {
    fn poll(&mut self, ids: &[InstanceId]) -> impl Future<Output = Round> + Send {
        (**self).poll(ids)
    }
}
