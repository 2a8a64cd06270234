//! What happens, told as lines: a few that matter at `info`, each poll at `debug`.

use std::time::Duration;

use tracing::{debug, info, trace, warn};

use super::record::{millis, outcome};
use crate::{
    answer::{
        instance::{Instance, InstanceId, Status},
        poll_error::PollError,
    },
    text::duration::Brief,
    wait::{
        ending::Ending,
        event::{Observer, WaitEvent, Why},
    },
};

/// Tells what happens through `tracing`: a sentence for people, fields for machines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Observer for Log {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        match *event {
            WaitEvent::Polled { id, answer } => polled(id, answer),
            WaitEvent::Transition { id, from, now } => transition(id, from, now),
            WaitEvent::UnclearStatus { id, status } => warn!(
                event = "unclear_status", instance = %id, status = %status,
                "{id}  the status \"{status}\" says nothing that is known here; polling goes on"
            ),
            WaitEvent::Fault { id, others, error } => fault(id, others, error),
            WaitEvent::NotReached { id, address, error } => info!(
                event = "not_reached", instance = %id, ip = %address, error = %error,
                "{id}  {address}: {error}; trying again"
            ),
            WaitEvent::Notice(notice) => info!(event = "notice", "{notice}"),
            WaitEvent::NextPoll { took, delay, why } => next_poll(took, delay, why),
            WaitEvent::UnusableAddress { id, text } => warn!(
                event = "unusable_address", instance = %id,
                "{id}  its ip is {text:?}, which is no address to connect to; polling goes on"
            ),
            WaitEvent::Met { id, .. } => over(id, "met", at),
            WaitEvent::Reopened { id } => {
                debug!(event = "reopened", instance = %id, "{id}  it has changed: polling goes on");
            }
            WaitEvent::RoundOver { .. } | WaitEvent::Ended { ending: Ending::Met(_), .. } => {}
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
            debug!(event = "polled", instance = %id, error = %error, "{id}  poll: {error}");
        }
    }
}

fn shown(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn transition(id: &InstanceId, from: Option<(&Status, Duration)>, now: &Instance) {
    let status = &now.status;
    let no_address = if *status == Status::Ready && now.ip.is_none() {
        ", but it has no address yet"
    } else {
        ""
    };
    match from {
        None => info!(
            event = "transition", instance = %id, status = %status,
            "{id}  {status}{no_address}"
        ),
        Some((from, lasted)) => info!(
            event = "transition", instance = %id, from = %from, status = %status,
            after_ms = millis(lasted),
            "{id}  {from} -> {status} after {}{no_address}", Brief(lasted)
        ),
    }
}

fn fault(id: &InstanceId, others: usize, error: &PollError) {
    let others = match others {
        0 => String::new(),
        1 => " (and 1 other)".to_owned(),
        n => format!(" (and {n} others)"),
    };
    let kind = match error {
        PollError::Throttled { .. } => "throttled",
        PollError::NotFound(_) => "not_found",
        _ => "transient_error",
    };
    let told = match error.hint() {
        Some(hint) => {
            format!("asked to wait {} ({}): {error}", Brief(hint.wait), hint.header.name())
        }
        None => format!("{error}; polling again"),
    };
    warn!(event = kind, instance = %id, error = %error, "{id}{others}  {told}");
}

fn next_poll(took: Duration, delay: Duration, why: Why) {
    let why = match why {
        Why::Backoff => "backoff".to_owned(),
        Why::Changed => "something is new".to_owned(),
        Why::Hint(hint) => format!("{} says so", hint.header.name()),
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

/// A failure is explained when the whole wait is over; the log has it when it happens.
fn over(id: &InstanceId, outcome: &'static str, at: Duration) {
    debug!(
        event = "ended", instance = %id, outcome, at_ms = millis(at),
        "{id}  {} after {}", outcome.replace('_', " "), Brief(at)
    );
}
