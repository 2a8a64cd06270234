//! Where answers about instances come from.

use std::future::Future;

use crate::answer::{Answer, instance::InstanceId};

/// Something that can be asked about instances.
pub trait InstanceSource {
    /// Asks once about each of `ids`, and puts every answer into its place in `answers`, which is
    /// as long and empty at first, as soon as it has come. Comes back with what a person should
    /// know of how the answers were got, if there is anything.
    ///
    /// Everything that goes wrong is an answer too. An instance that the round did not get to,
    /// because the server asked for a pause on the way, is left without one. Dropping the future
    /// abandons the round; the answers that have come by then count.
    fn poll(
        &mut self,
        ids: &[InstanceId],
        answers: &mut [Answer],
    ) -> impl Future<Output = Option<String>> + Send;
}

impl<S: InstanceSource + Send> InstanceSource for &mut S {
    fn poll(
        &mut self,
        ids: &[InstanceId],
        answers: &mut [Answer],
    ) -> impl Future<Output = Option<String>> + Send {
        (**self).poll(ids, answers)
    }
}
