//! The source of answers: the port that an API client implements.

use std::{future::Future, time::Duration};

use crate::answer::{
    Answer,
    instance::InstanceId,
    poll_error::{Fault, PollError},
};

/// An API that can be asked about instances.
///
/// The trait is not dyn-compatible, because its future borrows the round; to choose a source at run
/// time, use an enum.
///
/// ```
/// use wait_ready::{Instance, InstanceSource, Round, Status};
///
/// /// Instances that are always provisioning.
/// struct Provisioning;
///
/// impl InstanceSource for Provisioning {
///     async fn poll(&mut self, round: &mut Round) {
///         for place in 0..round.len() {
///             let instance = Instance::new(round.id(place).clone(), Status::Provisioning);
///             round.answer(place, Ok(instance));
///         }
///     }
/// }
/// ```
pub trait InstanceSource {
    /// Asks once about each instance of `round`, and records each answer as soon as it comes.
    ///
    /// An error is an answer too. Once an answer asks for a pause, the remaining places may stay
    /// empty; otherwise an empty place counts as a transient error. Dropping the future cancels the
    /// round; the answers recorded by then count.
    fn poll(&mut self, round: &mut Round) -> impl Future<Output = ()> + Send;
}

impl<S: InstanceSource + Send> InstanceSource for &mut S {
    fn poll(&mut self, round: &mut Round) -> impl Future<Output = ()> + Send {
        (**self).poll(round)
    }
}

/// One round of polls: the instances to ask about, each in a place, and the answers so far.
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
    /// Makes a round that asks about `ids`, for tests of a source.
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

    /// The number of instances.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there are no instances.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The instance of a place.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    #[must_use]
    pub fn id(&self, place: usize) -> &InstanceId {
        &self.places[place].id
    }

    /// The instances, in the order of their places.
    #[must_use]
    pub fn ids(&self) -> impl ExactSizeIterator<Item = &InstanceId> {
        self.places.iter().map(|place| &place.id)
    }

    /// The answer of a place, once there is one.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    #[must_use]
    pub fn answer_of(&self, place: usize) -> Option<&Answer> {
        self.places[place].answer.as_ref()
    }

    /// The places without an answer.
    #[must_use]
    pub fn unanswered(&self) -> Vec<usize> {
        (0..self.len()).filter(|&place| self.places[place].answer.is_none()).collect()
    }

    /// Records the answer of a place; a second answer replaces the first.
    ///
    /// An instance with another id than the place's is recorded as a malformed answer.
    ///
    /// # Panics
    ///
    /// If there is no such place.
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

    /// Reports to the user how the answers were obtained.
    pub fn notice(&mut self, notice: impl Into<String>) {
        self.notices.push(notice.into());
    }

    /// Records that requests use another key from now on, so that the acceptance of the old one no
    /// longer counts.
    pub fn note_new_key(&mut self) {
        self.has_new_key = true;
    }

    /// Records an error for each empty place of a round that was not cancelled.
    pub(super) fn fill_gaps(&mut self) {
        let is_pause =
            |place: &Place| matches!(&place.answer, Some(Err(error)) if error.asks_for_a_pause());
        if self.places.iter().any(is_pause) {
            return;
        }
        for place in &mut self.places {
            place.answer.get_or_insert_with(|| Err(PollError::transient(Fault::Unanswered)));
        }
    }
}
