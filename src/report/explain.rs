//! Why a wait ended, in words: what happened, what the server said, what to do.

use std::time::Duration;

use super::advice;
use crate::{
    answer::{
        instance::{Instance, Status},
        poll_error::{PollError, Refusal, ServerError},
    },
    text::duration::Brief,
    wait::{
        condition::Condition,
        ending::Ending,
        probe::ProbeError,
        rules::{Deadline, Rules},
        stage::Tally,
        watch::Watch,
    },
};

/// An ending in words, each part on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What happened.
    pub what: String,
    /// What was observed that led to it.
    pub seen: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Explanation {
    fn new(what: String, seen: Option<String>, advice: impl Into<String>) -> Self {
        Self { what, seen, advice: Some(advice.into()) }
    }

    /// What happened and what led to it, for places that have one line.
    #[must_use]
    pub fn on_one_line(&self) -> String {
        match &self.seen {
            Some(seen) => format!("{}: {seen}", self.what),
            None => self.what.clone(),
        }
    }
}

/// Explains how the wait for `watch` ended; `None` for a success, and if another instance decided.
#[must_use]
pub fn explain(watch: &Watch, rules: &Rules) -> Option<Explanation> {
    let id = watch.id();
    Some(match watch.ending()? {
        Ending::Met(_) | Ending::Abandoned => return None,
        Ending::Failed(status) => Explanation::new(
            format!("{id} is {status}: it cannot become ready"),
            history(watch),
            "a stopped instance does not start again; create another one",
        ),
        Ending::Unauthorized(answer)
        | Ending::NotFound(answer)
        | Ending::Refused(Refusal::Status(answer))
            if answer.foreign.is_some() && answer.status != 407 =>
        {
            in_front(watch, answer)
        }
        Ending::Unauthorized(answer) if answer.status == 403 => Explanation::new(
            format!("the API denies this key access to {id}"),
            Some(said(answer)),
            "the key needs compute permission, and the instance must belong to its workspace",
        ),
        Ending::Unauthorized(answer) => Explanation::new(
            "the API refuses the credentials".into(),
            Some(said(answer)),
            "check the key: fal's Compute API takes an admin API key (FAL_KEY), whole, without `Key `",
        ),
        Ending::NotFound(answer) => Explanation::new(
            format!("there is no instance {id}"),
            Some(said(answer)),
            "check the id and --api-url, and that the key belongs to the same workspace; \
             --not-found-grace waits longer for a new instance to appear",
        ),
        Ending::Deleted(answer) => Explanation::new(
            format!("{id} was deleted during the wait"),
            Some(joined([history(watch), Some(said(answer))])),
            "see who deleted it; create another one if it is still needed",
        ),
        Ending::Refused(refusal) => refused(watch, refusal),
        Ending::Throttled(hint) => {
            let deadline = within(rules);
            let what = match hint {
                Some(hint) => format!(
                    "the API asks to wait {} more ({}), past the deadline of {deadline}",
                    Brief(hint.wait),
                    hint.header.name(),
                ),
                None => format!("the API was still throttling at the deadline of {deadline}"),
            };
            Explanation::new(what, seen_so_far(watch), throttled_advice(watch))
        }
        Ending::Unreachable(reason) => unreachable(watch, rules, reason.as_ref()),
        Ending::OverBudget { status, budget } => Explanation::new(
            format!("{id} was {status} for longer than {} (--max-in)", Brief(*budget)),
            seen_so_far(watch),
            match status {
                Status::Stopped => still_there(watch),
                _ => {
                    "the instance keeps running and is billed: give that status more time \
                      (--max-in), or delete it"
                }
            },
        ),
        Ending::TimedOut => timed_out(watch, rules),
    })
}

/// A refusal that did not come from the API itself.
fn in_front(watch: &Watch, answer: &ServerError) -> Explanation {
    let (id, status) = (watch.id(), answer.status);
    Explanation::new(
        format!("something in front of the API refuses requests for {id} (HTTP {status})"),
        Some(said(answer)),
        "this is not the API's own answer: find out what gave it (a gateway, a firewall, a login \
         page), check --api-url and the proxy, and give the cf-ray or request_id to fal's support; \
         the instance may exist and be billed",
    )
}

fn throttled_advice(watch: &Watch) -> &'static str {
    match watch.present_error() {
        Some(PollError::Transient { .. }) => {
            "the API announces an outage or maintenance that outlasts this wait: wait again after \
             it, or with a longer --timeout; the instance may be billed meanwhile"
        }
        _ => "reduce polling elsewhere, wait for several instances in one call, or raise --timeout",
    }
}

fn unreachable(watch: &Watch, rules: &Rules, reason: Option<&ProbeError>) -> Explanation {
    let (id, goal) = (watch.id(), &rules.condition);
    let (failure, within) = (unreached(watch, goal), within(rules));
    Explanation::new(
        format!("the API reports {id} ready, but {failure} within {within}"),
        Some(match reason {
            Some(reason) => format!("the last attempt: {reason}"),
            None => "no attempt finished in time".into(),
        }),
        match goal {
            _ if matches!(reason, Some(ProbeError::Exhausted(_))) => advice::FOR_LIMITS,
            Condition::Exec => "run COMMAND by hand to see why it fails",
            _ => "check that the service is running and that firewalls let this machine in",
        },
    )
}

/// The time that the wait was given.
fn within(rules: &Rules) -> Brief {
    Brief(rules.deadline.duration().unwrap_or_default())
}

/// What happens to the instance after the wait.
fn still_there(watch: &Watch) -> &'static str {
    match watch.instance().map(|instance| &instance.status) {
        Some(Status::Stopped) => "it still exists: delete it if it is no longer needed",
        _ => STILL_BILLED,
    }
}

/// The risk that this program exists to prevent.
pub const STILL_BILLED: &str =
    "the instance keeps running and is billed: wait again with a longer --timeout, or delete it";

fn timed_out(watch: &Watch, rules: &Rules) -> Explanation {
    let (id, goal) = (watch.id(), &rules.condition);
    let is_missing = matches!(watch.last_error(), Some(PollError::NotFound(_)));
    let within = within(rules);
    let what = match watch.instance() {
        Some(Instance { status: Status::Ready, ip: None, .. }) if goal.promises_address() => {
            format!("{id} was ready, but had no IP address within {within}")
        }
        Some(instance) if rules.deadline == Deadline::LookOnce => {
            format!("{id} is {}, not {goal} (--timeout 0)", instance.status)
        }
        Some(_) if goal.needs_probe() => format!("{id} was not ready within {within}"),
        Some(_) => format!("{id} was not {goal} within {within}"),
        None if is_missing => format!("the API knew no instance {id} for {within}"),
        None => format!("no usable answer about {id} within {within}"),
    };
    let for_the_way = watch.present_error().and_then(advice::for_the_way);
    let advice = match (watch.instance(), for_the_way) {
        (Some(_), Some(advice)) => format!("{advice}; {}", still_there(watch)),
        (Some(_), None) => still_there(watch).into(),
        (None, Some(advice)) => format!("{advice}; the instance may exist and be billed"),
        (None, None) if is_missing => "check the id and --api-url".into(),
        (None, None) => {
            "check the network, proxies and --api-url; the instance may exist and be billed".into()
        }
    };
    Explanation::new(what, seen_so_far(watch), advice)
}

fn refused(watch: &Watch, refusal: &Refusal) -> Explanation {
    let id = watch.id();
    match refusal {
        Refusal::Status(answer) if answer.status == 407 => Explanation::new(
            format!("a proxy wants credentials before it lets requests to the API through ({id})"),
            Some(said(answer)),
            "this comes from a proxy, not the API: put its user and password into HTTPS_PROXY or \
             HTTP_PROXY (http://user:password@host), or the API's host into NO_PROXY",
        ),
        Refusal::Status(answer) => Explanation::new(
            format!("the API refuses the request ({id})"),
            Some(said(answer)),
            "check the id and --api-url; repeating it would not help",
        ),
        Refusal::Redirect { .. } => Explanation::new(
            format!("the API answers with a redirect, which is not followed ({id})"),
            Some(format!("the server said {refusal}")),
            "give the final URL with --api-url; a redirect could carry the key to another host",
        ),
    }
}

fn said(answer: &ServerError) -> String {
    let docs = answer.docs_url.as_ref().map(|url| format!(", see {url}")).unwrap_or_default();
    format!("the server said {answer}{docs}")
}

/// What the probe did not reach.
fn unreached(watch: &Watch, goal: &Condition) -> String {
    let ip = watch.instance().and_then(|instance| instance.ip);
    let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
    match goal {
        Condition::Ssh { port } => format!("SSH at {ip} port {port} did not answer"),
        Condition::Tcp { port } => format!("{ip} port {port} did not answer"),
        Condition::Http { port, path } => {
            format!("HTTP at {ip} port {port} ({}) did not answer with 2xx", path.as_str())
        }
        Condition::Exec => format!("COMMAND did not succeed for {ip}"),
        Condition::Ready | Condition::Stopped | Condition::Deleted => {
            format!("{ip} did not answer")
        }
    }
}

fn seen_so_far(watch: &Watch) -> Option<String> {
    let last_error = watch.last_error().map(|error| {
        let gone = if watch.present_error().is_none() { " (since resolved)" } else { "" };
        format!("last error: {}{gone}", with_docs(error))
    });
    let tally = Some(polls(&watch.tally())).filter(|polls| !polls.is_empty());
    Some(joined([history(watch), tally, last_error])).filter(|seen| !seen.is_empty())
}

fn with_docs(error: &PollError) -> String {
    let docs = error.answer().and_then(|answer| answer.docs_url.as_ref());
    let docs = docs.map(|url| format!(", see {url}")).unwrap_or_default();
    let said = match error {
        PollError::NotFound(_) | PollError::Unauthorized(_) => "the server said ",
        _ => "",
    };
    format!("{said}{error}{docs}")
}

/// Each status with its duration: `pending 42s, provisioning 2m30s`.
fn history(watch: &Watch) -> Option<String> {
    /// A flapping instance can have any number of statuses.
    const SHOWN: usize = 6;
    let until = watch.over_at().unwrap_or_else(|| watch.observed_at());
    if watch.timeline().transitions().len() == 1 && until.is_zero() {
        return None;
    }
    let stays: Vec<String> = watch
        .timeline()
        .stays(until)
        .map(|(status, lasted)| {
            if lasted.is_zero() {
                status.to_string()
            } else {
                format!("{status} {}", Brief(lasted))
            }
        })
        .collect();
    let left_out = stays.len().saturating_sub(SHOWN);
    let begin = if left_out > 0 { "… " } else { "" };
    (!stays.is_empty()).then(|| format!("it was {begin}{}", stays[left_out..].join(", ")))
}

/// The polls by result: `47 polls, 2 throttled, 3 transient errors`.
#[must_use]
pub fn polls(tally: &Tally) -> String {
    let count = |n: u32, what: &str, plural: &str| match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {plural}")),
    };
    let parts = [
        count(tally.polls, "poll", "polls"),
        count(tally.throttled, "throttled", "throttled"),
        count(tally.transient_errors, "transient error", "transient errors"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn joined<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// How the condition was met: `ready at 203.0.113.42 after 2m30s`.
#[must_use]
pub fn success(watch: &Watch, condition: &Condition, after: Duration) -> String {
    let ip = watch.address().map(|ip| ip.to_string()).unwrap_or_default();
    let what = match condition {
        Condition::Ready => format!("ready at {ip}"),
        Condition::Ssh { port: Condition::SSH_PORT } => format!("answers SSH at {ip}"),
        Condition::Ssh { port } => format!("answers SSH at {ip} port {port}"),
        Condition::Tcp { port } => format!("accepts connections at {ip} port {port}"),
        Condition::Http { port, path } => {
            format!("answers HTTP at {ip} port {port} ({})", path.as_str())
        }
        Condition::Exec => format!("COMMAND succeeded for {ip}"),
        Condition::Stopped => "stopped".to_owned(),
        Condition::Deleted => "deleted".to_owned(),
    };
    format!("{what} after {} ({})", Brief(after), polls(&watch.tally()))
}
