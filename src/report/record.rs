//! The outcome of the wait for an instance, as a JSON object. Keys are only ever added.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::exit_code::ExitCode;
use crate::{
    answer::{
        instance::{InstanceType, Region, Sector},
        poll_error::PollError,
        trace::Trace,
    },
    text::untrusted::Untrusted,
    wait::{ending::Ending, watch::Watch},
};

/// The outcome of the wait for one instance.
#[derive(Debug, Default, Serialize)]
pub struct Record<'a> {
    id: Option<&'a str>,
    status: Option<&'a str>,
    ip: Option<String>,
    instance_type: Option<&'a str>,
    region: Option<&'a str>,
    sector: Option<&'a str>,
    creator_user_nickname: Option<&'a str>,
    outcome: &'static str,
    exit_code: u8,
    started_at: String,
    waited_ms: u64,
    polls: u32,
    throttled: u32,
    throttled_ms: u64,
    transient_errors: u32,
    transitions: Vec<Entry<'a>>,
    last_error: Option<String>,
    last_unusable_answer: Option<UnusableAnswer<'a>>,
}

/// The beginning of the answer that caused the last error.
#[derive(Debug, Serialize)]
struct UnusableAnswer<'a> {
    http_status: u16,
    #[serde(serialize_with = "as_map")]
    headers: &'a [(&'static str, Untrusted)],
    body: &'a str,
}

fn as_map<S: Serializer>(
    headers: &&[(&'static str, Untrusted)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value.as_received())))
}

impl<'a> From<&'a Trace> for UnusableAnswer<'a> {
    fn from(trace: &'a Trace) -> Self {
        Self { http_status: trace.status, headers: &trace.headers, body: trace.body.as_received() }
    }
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    status: &'a str,
    at_ms: u64,
}

impl<'a> Record<'a> {
    /// The record of a wait that ended before any instance was known.
    fn of_no_instance(started_at: SystemTime, now: Duration) -> Self {
        Self { started_at: rfc3339(started_at), waited_ms: millis(now), ..Self::default() }
    }

    /// The record of `watch` at `now`, in a wait that began at `started_at` and ends with `code`.
    ///
    /// It has an address only if the condition is met, because readers may connect to it.
    #[must_use]
    pub fn new(watch: &'a Watch, started_at: SystemTime, now: Duration, code: ExitCode) -> Self {
        let instance = watch.instance();
        let tally = watch.tally();
        let ending = watch.ending();
        let own_code = ExitCode::of_watch(watch).unwrap_or(code);
        let transitions = watch.timeline().transitions().iter();
        Self {
            id: Some(watch.id().as_str()),
            status: instance.map(|instance| instance.status.as_received()),
            ip: watch.address().map(|ip| ip.to_string()),
            instance_type: instance
                .and_then(|i| i.instance_type.as_ref())
                .map(InstanceType::as_received),
            region: instance.and_then(|i| i.region.as_ref()).map(Region::as_received),
            sector: instance.and_then(|i| i.sector.as_ref()).map(Sector::as_received),
            creator_user_nickname: instance
                .and_then(|i| i.creator_user_nickname.as_ref())
                .map(Untrusted::as_received),
            outcome: ending.map_or_else(|| code.outcome(), outcome),
            exit_code: own_code.number(),
            started_at: rfc3339(started_at),
            waited_ms: millis(watch.over_at().unwrap_or(now)),
            polls: tally.polls,
            throttled: tally.throttled,
            throttled_ms: millis(tally.throttled_for),
            transient_errors: tally.transient_errors,
            transitions: transitions
                .map(|transition| Entry {
                    status: transition.status.as_received(),
                    at_ms: millis(transition.at),
                })
                .collect(),
            last_error: watch.last_error().map(ToString::to_string),
            last_unusable_answer: watch.last_error().and_then(PollError::trace).map(Into::into),
        }
    }
}

/// The outcome of a whole wait: the record of the instance that decided it, and all records if there
/// are several.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    decisive: Record<'a>,
    /// Why the wait failed, on one line; null for a success.
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances: Vec<Record<'a>>,
}

impl<'a> Report<'a> {
    /// A report on `watches`. `decisive` is the instance that decided the wait; `None` if no instance
    /// was known.
    #[must_use]
    pub fn new(
        watches: &'a [Watch],
        decisive: Option<&'a Watch>,
        started_at: SystemTime,
        now: Duration,
        code: ExitCode,
        message: Option<&'a str>,
    ) -> Self {
        let record = |watch| Record::new(watch, started_at, now, code);
        let mut decisive = decisive.map_or_else(|| Record::of_no_instance(started_at, now), record);
        if code.is_of_signal() {
            // An interrupted wait has no result, whatever this instance had reached.
            decisive.ip = None;
        }
        if decisive.exit_code != code.number() || decisive.id.is_none() {
            decisive.exit_code = code.number();
            decisive.outcome = code.outcome();
        }
        let instances =
            if watches.len() > 1 { watches.iter().map(record).collect() } else { Vec::new() };
        Self { decisive, message, instances }
    }
}

/// The ending as one word.
#[must_use]
pub fn outcome(ending: &Ending) -> &'static str {
    match ending {
        Ending::Deleted(_) => "deleted",
        other => ExitCode::of(other).map_or("abandoned", ExitCode::outcome),
    }
}

/// `time` in UTC (RFC 3339); 1970 for a clock that is set before it.
fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time.max(SystemTime::UNIX_EPOCH)).to_string()
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
