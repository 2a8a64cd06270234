//! Where answers about instances come from.

use std::{future::Future, time::Duration};

use crate::answer::{
    Answer,
    instance::InstanceId,
    poll_error::{Fault, PollError},
};

/// Something that can be asked about instances.
///
/// The trait cannot be a trait object, because its future borrows the round; where the kind of
/// source is known at run time only, an enum of the sources serves.
///
/// ```
/// use wait_ready::{Instance, InstanceSource, Round, Status};
///
/// /// Instances that are on their way for ever.
/// struct Eternal;
///
/// impl InstanceSource for Eternal {
///     async fn poll(&mut self, round: &mut Round) {
///         for place in 0..round.len() {
///             let instance = Instance::new(round.id(place).clone(), Status::Provisioning);
///             round.answer(place, Ok(instance));
///         }
///     }
/// }
/// ```
pub trait InstanceSource {
    /// Asks once about each instance of `round`, and answers for it as soon as its answer has
    /// come.
    ///
    /// Everything that goes wrong is an answer too. Only after an answer by which the server asks
    /// for a pause may places be left without one; any other place that is left empty counts as a
    /// transient error. Dropping the future abandons the round; the answers that have come by then
    /// count.
    fn poll(&mut self, round: &mut Round) -> impl Future<Output = ()> + Send;
}

impl<S: InstanceSource + Send> InstanceSource for &mut S {
    fn poll(&mut self, round: &mut Round) -> impl Future<Output = ()> + Send {
        (**self).poll(round)
    }
}

/// One round of polls: the instances to ask about, each in its place, and the answers so far.
#[derive(Debug, Clone)]
pub struct Round {
    pub(super) places: Vec<Place>,
    pub(super) asked_at: Duration,
    pub(super) notices: Vec<String>,
    pub(super) has_new_key: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The position of the instance in the wait.
    pub(super) position: usize,
    pub(super) id: InstanceId,
    pub(super) answer: Option<Answer>,
}

impl Round {
    /// A round that asks about `ids`, for whoever tests a source of their own.
    pub fn new(ids: impl IntoIterator<Item = InstanceId>) -> Self {
        Self::of(ids.into_iter().enumerate(), Duration::ZERO)
    }

    pub(super) fn of(
        instances: impl Iterator<Item = (usize, InstanceId)>,
        asked_at: Duration,
    ) -> Self {
        let place = |(position, id)| Place { position, id, answer: None };
        let places = instances.map(place).collect();
        Self { places, asked_at, notices: Vec::new(), has_new_key: false }
    }

    /// How many instances it asks about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether it asks about none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The instance of a place.
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    #[must_use]
    pub fn id(&self, place: usize) -> &InstanceId {
        &self.places[place].id
    }

    /// Every instance that it asks about, in the order of the places.
    #[must_use]
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &InstanceId> {
        self.places.iter().map(|place| &place.id)
    }

    /// The answer of a place, once there is one.
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    #[must_use]
    pub fn answer_of(&self, place: usize) -> Option<&Answer> {
        self.places[place].answer.as_ref()
    }

    /// The places that have no answer yet.
    #[must_use]
    pub fn unanswered(&self) -> Vec<usize> {
        (0..self.len()).filter(|&place| self.places[place].answer.is_none()).collect()
    }

    /// Answers for a place; a second answer replaces the first.
    ///
    /// An instance with another id than the one asked about is a malformed answer.
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    pub fn answer(&mut self, place: usize, answer: Answer) {
        let place = &mut self.places[place];
        place.answer = Some(match answer {
            Ok(instance) if instance.id != place.id => Err(PollError::malformed(format!(
                "it describes another instance, {:?}",
                instance.id.to_string()
            ))),
            answer => answer,
        });
    }

    /// Tells a person something of how the answers were got.
    pub fn notice(&mut self, notice: impl Into<String>) {
        self.notices.push(notice.into());
    }

    /// Notes that the requests carry another key from now on: what the API said of the former one
    /// no longer counts.
    pub fn note_new_key(&mut self) {
        self.has_new_key = true;
    }

    /// What a place without an answer means, in a round that was not cut short.
    pub(super) fn fill_gaps(&mut self) {
        let is_pause = |place: &Place| {
            place
                .answer
                .as_ref()
                .is_some_and(|a| a.as_ref().is_err_and(PollError::asks_for_a_pause))
        };
        if self.places.iter().any(is_pause) {
            return;
        }
        for place in self.places.iter_mut().filter(|place| place.answer.is_none()) {
            place.answer = Some(Err(PollError::transient(Fault::Unanswered)));
        }
    }
}
