//! Refusals in a row: which one ends the wait for an instance, and which has to be confirmed.

use std::time::Duration;

use super::{condition::Condition, ending::Ending, rules::Rules};
use crate::answer::poll_error::{PollError, Refusal, ServerError};

/// How long a foreign refusal has to last to be final, …
const FOREIGN_LASTS: Duration = Duration::from_secs(30);
/// … and over how many polls.
const FOREIGN_POLLS: u32 = 3;
/// How many refusals in a row are final for a key that was accepted before.
const KEY_REFUSALS: u32 = 2;

/// What the meaning of an answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll<'a> {
    pub(super) rules: &'a Rules,
    /// When it was sent, since the start of the wait.
    pub(super) asked_at: Duration,
    /// When it was answered, since the start of the wait.
    pub(super) at: Duration,
    /// How long after a 404 another one confirms it.
    pub(super) second_look: Duration,
    /// Whether the API accepted the same key in an earlier round.
    pub(super) is_key_accepted: bool,
}

/// The refusals of one instance in a row.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    /// The first of the 404s in a row, if the last answer was one.
    missing_since: Option<Duration>,
    has_been_missing: bool,
    unauthorized: u32,
    foreign: Option<Foreign>,
}

#[derive(Debug, Clone, Copy)]
struct Foreign {
    since: Duration,
    polls: u32,
}

/// What an error means for one instance.
#[derive(Debug)]
pub(super) enum Consequence {
    /// Poll again, later.
    Throttled,
    /// Poll again.
    Transient,
    /// Poll again: the 404 is not confirmed yet.
    Missing,
    /// The wait for the instance is over.
    Over(Ending),
}

impl Refusals {
    /// Records an answer that describes the instance, which ends every run of refusals.
    pub(super) fn record_instance(&mut self) {
        self.missing_since = None;
        self.unauthorized = 0;
        self.foreign = None;
    }

    /// Records an error; `is_known` if the API has ever described the instance.
    pub(super) fn record(
        &mut self,
        error: &PollError,
        poll: Poll<'_>,
        is_known: bool,
    ) -> Consequence {
        if !matches!(error, PollError::NotFound(_)) {
            self.missing_since = None;
        }
        if !matches!(error, PollError::Unauthorized(_)) {
            self.unauthorized = 0;
        }
        if matches!(
            error,
            PollError::NotFound(_) | PollError::Unauthorized(_) | PollError::Refused(_)
        ) {
            self.foreign = None;
        }
        match error {
            PollError::Transient { .. } => Consequence::Transient,
            PollError::Throttled { .. } => Consequence::Throttled,
            PollError::NotFound(answer) => self.missing(answer, poll, is_known),
            PollError::Unauthorized(answer) => {
                self.unauthorized += 1;
                if poll.is_key_accepted && self.unauthorized < KEY_REFUSALS {
                    Consequence::Transient
                } else {
                    Consequence::Over(Ending::Unauthorized(answer.clone()))
                }
            }
            PollError::Refused(refusal) => Consequence::Over(Ending::Refused(refusal.clone())),
            PollError::Foreign(answer) => self.foreign(answer, poll.at),
        }
    }

    fn missing(&mut self, answer: &ServerError, poll: Poll<'_>, is_known: bool) -> Consequence {
        self.has_been_missing = true;
        let since = *self.missing_since.get_or_insert(poll.at);
        let is_confirmed = poll.asked_at >= since.saturating_add(poll.second_look);
        let is_believed = poll.at >= poll.rules.not_found_grace;
        match (&poll.rules.condition, is_known) {
            (Condition::Deleted, _) if is_confirmed => Consequence::Over(Ending::Met(None)),
            (Condition::Deleted, _) => Consequence::Missing,
            (_, true) if is_confirmed && is_believed => {
                Consequence::Over(Ending::Deleted(answer.clone()))
            }
            (_, false) if is_believed => Consequence::Over(Ending::NotFound(answer.clone())),
            _ => Consequence::Missing,
        }
    }

    fn foreign(&mut self, answer: &ServerError, at: Duration) -> Consequence {
        let run = self.foreign.get_or_insert(Foreign { since: at, polls: 0 });
        run.polls = run.polls.saturating_add(1);
        if run.polls < FOREIGN_POLLS || at.saturating_sub(run.since) < FOREIGN_LASTS {
            return Consequence::Transient;
        }
        let answer = answer.clone();
        Consequence::Over(match answer.status {
            401 | 403 => Ending::Unauthorized(answer),
            404 => Ending::NotFound(answer),
            _ => Ending::Refused(Refusal::Status(answer)),
        })
    }

    /// Returns whether the API has ever answered 404.
    pub(super) fn has_been_missing(&self) -> bool {
        self.has_been_missing
    }

    /// When the first of the 404s in a row came, if the last answer was one.
    pub(super) fn missing_since(&self) -> Option<Duration> {
        self.missing_since
    }

    /// When another foreign refusal would end the wait, if one more is enough.
    pub(super) fn foreign_until(&self) -> Option<Duration> {
        let run = self.foreign.filter(|run| run.polls + 1 >= FOREIGN_POLLS)?;
        Some(run.since.saturating_add(FOREIGN_LASTS))
    }
}
