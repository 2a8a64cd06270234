//! The events of a wait as log lines: what matters at `info`, each poll at `debug`.

use std::time::Duration;

use tracing::{debug, info, trace, warn};

use super::{
    fleet::{News, transition},
    record::{millis, outcome},
};
use crate::{
    answer::{
        address::Address,
        instance::{Instance, InstanceId, Status},
        poll_error::PollError,
    },
    text::{duration::Brief, untrusted::Untrusted},
    wait::{
        ending::Ending,
        event::{Observer, WaitEvent, Why},
        probe::ProbeError,
    },
};

/// An observer that logs through `tracing`: a sentence for people, fields for machines.
#[derive(Debug, Default)]
pub struct Log {
    /// Gathered until the round is over, if a round is logged as a whole.
    news: Option<News>,
}

impl Log {
    /// A log with one line per round and kind of event instead of one per instance, so that people
    /// can read a wait for hundreds of instances.
    #[must_use]
    pub fn by_round() -> Self {
        Self { news: Some(News::default()) }
    }

    /// Logs what was gathered in a round that was cut short.
    pub fn flush(&mut self) {
        let Some(news) = &mut self.news else { return };
        let (groups, others) = news.unclear.take();
        for group in groups {
            unclear(&group.names(), None, &group.kind);
        }
        if others > 0 {
            warn!(event = "unclear_status", others, "{others} more have other such statuses");
        }
        let (groups, others) = news.unusable.take();
        for group in groups {
            unusable(&group.names(), None, &group.kind);
        }
        if others > 0 {
            warn!(event = "unusable_address", others, "{others} more have other such addresses");
        }
        let (groups, others) = news.not_reached.take();
        for group in groups {
            let (names, error) = (group.names(), &group.kind);
            info!(event = "not_reached", error = %error, "{names}  {error}; trying again");
        }
        if others > 0 {
            info!(event = "not_reached", others, "{others} more are not reached for other reasons");
        }
    }
}

impl Observer for Log {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        match *event {
            WaitEvent::Polled { id, answer } => polled(id, answer),
            WaitEvent::Transition { id, from, now } => match &mut self.news {
                Some(news) => news.changed(id, from, now),
                None => transitioned(id, from, now),
            },
            WaitEvent::UnclearStatus { id, status } => match &mut self.news {
                Some(news) => news.unclear.add(status.clone(), id),
                None => unclear(id.as_str(), Some(id), status),
            },
            WaitEvent::UnusableAddress { id, text } => match &mut self.news {
                Some(news) => news.unusable.add(text.clone(), id),
                None => unusable(id.as_str(), Some(id), text),
            },
            WaitEvent::NotReached { id, address, error } => match &mut self.news {
                Some(news) => news.not_reached.add(error.to_string(), id),
                None => not_reached(id, address, error),
            },
            WaitEvent::Fault { id, others, error, polls_again } => {
                fault(id, others, error, polls_again);
            }
            WaitEvent::Notice(notice) => info!(event = "notice", "{notice}"),
            WaitEvent::RoundOver { waiting, .. } => {
                let changes = self.news.as_mut().and_then(|news| news.take_changes(waiting));
                if let Some(line) = changes {
                    info!(event = "transitions", waiting, "{line}");
                }
                self.flush();
            }
            WaitEvent::NextPoll { took, delay, why } => next_poll(took, delay, why),
            WaitEvent::Met { id, .. } => over(id, "met", at),
            WaitEvent::Reopened { id } => {
                debug!(event = "reopened", instance = %id, "{id}  it has changed: polling continues");
            }
            WaitEvent::Ended { ending: Ending::Met(_), .. } => {}
            WaitEvent::Ended { id, ending } => over(id, outcome(ending), at),
        }
    }
}

fn polled(id: &InstanceId, answer: Result<&Instance, &PollError>) {
    match answer {
        Ok(instance) => {
            let ip = instance.ip.map(|ip| format!(" at {ip}")).unwrap_or_default();
            debug!(
                event = "polled", instance = %id, status = %instance.status,
                ip = instance.ip.map(tracing::field::display),
                "{id}  poll: {}{ip}", instance.status
            );
            trace!(
                event = "described", instance = %id, status = %instance.status,
                "{id}  type {}, region {}, sector {}, creator {}",
                shown(instance.instance_type.as_ref()),
                shown(instance.region.as_ref()),
                shown(instance.sector.as_ref()),
                shown(instance.creator_user_nickname.as_ref()),
            );
        }
        Err(error) => {
            debug!(
                event = "polled", instance = %id, error = %error,
                http_status = error.http_status(), retry_after_ms = retry_after_ms(error),
                "{id}  poll: {error}"
            );
            if let Some(answer) = error.trace() {
                trace!(event = "unusable_answer", instance = %id, "{id}  unusable answer: {answer}");
            }
        }
    }
}

fn shown(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn transitioned(id: &InstanceId, from: Option<(&Status, Duration)>, now: &Instance) {
    let ip = now.ip.map(tracing::field::display);
    let (from_status, after_ms) = match from {
        Some((status, lasted)) => (Some(tracing::field::display(status)), Some(millis(lasted))),
        None => (None, None),
    };
    info!(
        event = "transition", instance = %id, from = from_status, status = %now.status, ip, after_ms,
        "{}", transition(id, from, now)
    );
}

fn not_reached(id: &InstanceId, address: Address, error: &ProbeError) {
    info!(
        event = "not_reached", instance = %id, ip = %address, error = %error,
        "{id}  {address}: {error}; trying again"
    );
}

/// `id` is the instance, if `names` is one.
fn unclear(names: &str, id: Option<&InstanceId>, status: &Status) {
    warn!(
        event = "unclear_status", instance = id.map(tracing::field::display), status = %status,
        "{names}  status \"{status}\" has no known meaning; polling continues"
    );
}

fn unusable(names: &str, id: Option<&InstanceId>, text: &Untrusted) {
    warn!(
        event = "unusable_address", instance = id.map(tracing::field::display), ip = %text,
        "{names}  its ip is {text:?}, which cannot be connected to; polling continues"
    );
}

fn fault(id: &InstanceId, others: usize, error: &PollError, polls_again: bool) {
    let and_others = match others {
        0 => String::new(),
        1 => " (and 1 other)".to_owned(),
        n => format!(" (and {n} others)"),
    };
    let kind = match error {
        PollError::Throttled { .. } => "throttled",
        PollError::NotFound(_) => "not_found",
        _ => "transient_error",
    };
    let text = match error.hint() {
        Some(hint) => {
            format!("asked to wait {} ({}): {error}", Brief(hint.wait), hint.header.name())
        }
        None if polls_again => format!("{error}; polling again"),
        None => error.to_string(),
    };
    warn!(
        event = kind, instance = %id, others, error = %error,
        http_status = error.http_status(), retry_after_ms = retry_after_ms(error),
        "{id}{and_others}  {text}"
    );
}

fn retry_after_ms(error: &PollError) -> Option<u64> {
    error.hint().map(|hint| millis(hint.wait))
}

fn next_poll(took: Duration, delay: Duration, why: Why) {
    let why = match why {
        Why::Backoff => "backoff".to_owned(),
        Why::Changed => "an instance changed".to_owned(),
        Why::Hint(hint) => format!("{} asks for it", hint.header.name()),
        Why::Limit => "a time limit ends then".to_owned(),
        Why::SecondLook => "to confirm the 404".to_owned(),
        Why::Overslept => "the deadline passed while this process was stopped".to_owned(),
        Why::Confirmation => "to confirm the address".to_owned(),
        Why::Deadline => "the last one before the deadline".to_owned(),
    };
    debug!(
        event = "next_poll",
        took_ms = millis(took),
        delay_ms = millis(delay),
        "next poll in {}: {why} (this one took {})",
        Brief(delay),
        Brief(took)
    );
}

/// Logs an ending when it happens; a failure is explained when the whole wait is over.
fn over(id: &InstanceId, outcome: &'static str, at: Duration) {
    debug!(
        event = "ended", instance = %id, outcome, at_ms = millis(at),
        "{id}  {} after {}", outcome.replace('_', " "), Brief(at)
    );
}
