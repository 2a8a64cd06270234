//! A simulated API without a network. Time is an argument.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use super::script::{Address, PlaybackState, Reply, Script, ScriptedHint};
use crate::answer::{
    hint::HintHeader,
    instance::{InstanceId, Status},
};

/// The most instances on one page, and the default of the request.
const PAGE_LIMIT: usize = 100;

/// A simulated API whose instances each follow the same script independently.
#[derive(Debug, Clone)]
pub struct Simulation {
    script: Script,
    positions: HashMap<InstanceId, usize>,
    ids: Vec<InstanceId>,
    playbacks: Vec<PlaybackState>,
    listing: PlaybackState,
    pages_asked: u32,
    list_refusal: Option<u16>,
    rate: Option<Rate>,
    requests: Vec<Request>,
}

/// A request to the simulated API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When it came, since the start of the simulation.
    pub at: Duration,
    /// The id that it asked for, as received; `None` for the list.
    pub id: Option<String>,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was not throttled.
    Answered,
    /// 429 because of the rate limit, with this pause.
    Throttled(Duration),
}

/// The rate limit, in windows of one second.
#[derive(Debug, Clone)]
struct Rate {
    per_second: u32,
    window: u64,
    used: u32,
}

/// One page of the simulated list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The instances on it.
    pub instances: Vec<SimulatedInstance>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// An instance as the simulation describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its status.
    pub status: Status,
    /// Its address, which may be any text of the script.
    pub ip: Option<String>,
}

/// The reaction of the simulated API to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Served<T> {
    /// A success, with what was requested.
    Found(T),
    /// Anything else; never [`Reply::Instance`] or [`Reply::Slow`].
    Other(Reply),
}

impl Simulation {
    /// Makes an API with the instances `ids`; every other id is a 404.
    #[must_use]
    pub fn new(script: Script, ids: impl IntoIterator<Item = InstanceId>) -> Self {
        let ids: Vec<InstanceId> = ids.into_iter().collect();
        let positions = ids.iter().cloned().zip(0..).collect();
        let playbacks = vec![PlaybackState::default(); ids.len()];
        Self {
            script,
            positions,
            ids,
            playbacks,
            listing: PlaybackState::default(),
            pages_asked: 0,
            list_refusal: None,
            rate: None,
            requests: Vec::new(),
        }
    }

    /// Answers requests with 429 beyond `per_second`.
    #[must_use]
    pub fn limited_to(mut self, per_second: u32) -> Self {
        self.rate = Some(Rate { per_second, window: 0, used: 0 });
        self
    }

    /// Answers every request for the list with the HTTP status `status`.
    #[must_use]
    pub fn refusing_lists(mut self, status: u16) -> Self {
        self.list_refusal = Some(status);
        self
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Answers a request for one instance; returns the delay of the answer, and the answer.
    pub fn get(&mut self, id: &str, now: Duration) -> (Duration, Served<SimulatedInstance>) {
        if let Some(refusal) = self.admit(Some(id), now) {
            return (Duration::ZERO, Served::Other(refusal));
        }
        let position = InstanceId::new(id).ok().and_then(|id| self.positions.get(&id).copied());
        let Some(position) = position else {
            return (Duration::ZERO, Served::Other(Reply::Error { status: 404, hint: None }));
        };
        let (delay, reply) = paced(&mut self.playbacks[position], &self.script, now);
        (
            delay,
            match self.describe(position, &reply) {
                Some(instance) => Served::Found(instance),
                None => Served::Other(reply),
            },
        )
    }

    /// Answers a request for the page of the list at `cursor`, as [`get`](Self::get) does.
    ///
    /// The faults of the script apply to the first page of a listing; the statuses on the pages are
    /// those of each instance.
    pub fn list(
        &mut self,
        limit: Option<usize>,
        cursor: Option<&str>,
        now: Duration,
    ) -> (Duration, Served<ListPage>) {
        let refusal = self.admit(None, now);
        let error = |status| Served::Other(Reply::Error { status, hint: None });
        if let Some(refusal) = refusal {
            return (Duration::ZERO, Served::Other(refusal));
        }
        if let Some(status) = self.list_refusal {
            return (Duration::ZERO, error(status));
        }
        let number = self.pages_asked;
        self.pages_asked = number.saturating_add(1);
        if let Some(fault) = self.script.list_fault(number) {
            return (Duration::ZERO, Served::Other(fault.clone()));
        }
        if limit == Some(0) {
            return (Duration::ZERO, error(400));
        }
        let begin = match cursor.map(|cursor| cursor.strip_prefix("after-")?.parse().ok()) {
            None => 0,
            Some(Some(begin)) if begin <= self.ids.len() => begin,
            Some(_) => return (Duration::ZERO, error(400)),
        };
        let mut delay = Duration::ZERO;
        if cursor.is_none() {
            let (slow, reply) = paced(&mut self.listing, &self.script, now);
            delay = slow;
            // A 404 of the script applies to instances, not to the list.
            if !matches!(reply, Reply::Instance { .. } | Reply::Error { status: 404, .. }) {
                return (delay, Served::Other(reply));
            }
        }
        let limit = limit.unwrap_or(PAGE_LIMIT).clamp(1, PAGE_LIMIT);
        let end = begin.saturating_add(limit).min(self.ids.len());
        let instances = (begin..end).filter_map(|position| self.on_a_page(position, now)).collect();
        let next_cursor = (end < self.ids.len()).then(|| format!("after-{end}"));
        (delay, Served::Found(ListPage { instances, next_cursor }))
    }

    /// Records a request; returns the refusal if it exceeds the rate limit.
    fn admit(&mut self, id: Option<&str>, now: Duration) -> Option<Reply> {
        let wait = self.rate.as_mut().and_then(|rate| rate.wait(now));
        let outcome = wait.map_or(Outcome::Answered, Outcome::Throttled);
        self.requests.push(Request { at: now, id: id.map(str::to_owned), outcome });
        wait.map(|wait| {
            let hint = ScriptedHint { wait, header: HintHeader::RetryAfter, as_date: false };
            Reply::Error { status: 429, hint: Some(hint) }
        })
    }

    /// The instance as shown on a page, where the faults of single requests are skipped.
    fn on_a_page(&mut self, position: usize, now: Duration) -> Option<SimulatedInstance> {
        let playback = &mut self.playbacks[position];
        loop {
            let reply = playback.reply(&self.script, now);
            if matches!(reply, Reply::Instance { .. } | Reply::Error { status: 404, .. }) {
                return self.describe(position, &reply);
            }
            if !playback.skip_step(&self.script) {
                return None;
            }
        }
    }

    fn describe(&self, position: usize, reply: &Reply) -> Option<SimulatedInstance> {
        let Reply::Instance { status, address } = reply else { return None };
        let ip = match address {
            Address::None => None,
            Address::Text(text) => Some(text.clone()),
            Address::Own => (*status == Status::Ready).then(|| own_address(position).to_string()),
        };
        Some(SimulatedInstance { id: self.ids[position].clone(), status: status.clone(), ip })
    }
}

impl<T> Served<T> {
    /// Applies `change` to a success.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Served<U> {
        match self {
            Self::Found(found) => Served::Found(change(found)),
            Self::Other(reply) => Served::Other(reply),
        }
    }
}

impl Rate {
    /// Counts a request; returns the pause if it exceeds the limit, in whole seconds as in headers.
    fn wait(&mut self, now: Duration) -> Option<Duration> {
        if self.window != now.as_secs() {
            (self.window, self.used) = (now.as_secs(), 0);
        }
        self.used = self.used.saturating_add(1);
        (self.used > self.per_second).then_some(Duration::from_secs(1))
    }
}

/// The next reply that is not a delay, and the sum of the delays before it.
fn paced(playback: &mut PlaybackState, script: &Script, now: Duration) -> (Duration, Reply) {
    let mut delay = Duration::ZERO;
    loop {
        match playback.reply(script, now) {
            Reply::Slow(time) => delay = delay.saturating_add(time),
            reply => return (delay, reply),
        }
    }
}

/// An address for documentation (RFC 5737 section 3) or, in large fleets, for benchmarks (RFC 2544
/// appendix C.2.2).
fn own_address(position: usize) -> Ipv4Addr {
    let number = u32::try_from(position).unwrap_or_default();
    if number < 200 {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(203, 0, 113, 42)) + number)
    } else {
        Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number % (1 << 17))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::address::{Address as Usable, Origin};

    fn ids(count: usize) -> Vec<InstanceId> {
        (0..count).map(|n| InstanceId::new(&format!("inst_{n}")).unwrap()).collect()
    }

    fn simulation(script: &str, count: usize) -> Simulation {
        Simulation::new(script.parse().unwrap(), ids(count))
    }

    fn found<T>((_, answer): (Duration, Served<T>)) -> T {
        match answer {
            Served::Found(found) => found,
            Served::Other(other) => panic!("{other:?}"),
        }
    }

    fn code<T>((_, answer): (Duration, Served<T>)) -> Option<u16> {
        match answer {
            Served::Other(Reply::Error { status, .. }) => Some(status),
            _ => None,
        }
    }

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn an_unknown_id_is_404_and_each_known_one_follows_the_script() {
        let mut api = simulation("pending,ready", 2);
        assert_eq!(code(api.get("inst_9", NOW)), Some(404));
        assert_eq!(code(api.get("", NOW)), Some(404));
        assert_eq!(found(api.get("inst_0", NOW)).status, Status::Pending);
        assert_eq!(found(api.get("inst_0", NOW)).ip.as_deref(), Some("203.0.113.42"));
        assert_eq!(found(api.get("inst_1", NOW)).status, Status::Pending);
    }

    #[test]
    fn pages_contain_every_instance_once() {
        let mut api = simulation("ready", 250);
        let mut names = Vec::new();
        let mut cursor = None;
        loop {
            let page = found(api.list(None, cursor.as_deref(), NOW));
            names.extend(page.instances.into_iter().map(|instance| instance.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, ids(250));
        assert_eq!(api.requests().len(), 3);
        assert_eq!(code(api.list(None, Some("after-x"), NOW)), Some(400));
    }

    #[test]
    fn a_fault_applies_to_the_list_and_a_404_omits_the_instance() {
        let mut api = simulation("500,404,slow:1s,ready", 1);
        assert_eq!(code(api.list(None, None, NOW)), Some(500));
        assert_eq!(found(api.list(None, None, NOW)).instances, []);
        let (delay, page) = api.list(None, None, NOW);
        assert_eq!(delay, Duration::from_secs(1));
        assert_eq!(found((delay, page)).instances[0].status, Status::Ready);
    }

    #[test]
    fn a_list_step_applies_to_the_list_only() {
        let mut api = simulation("list:400,ready", 1);
        assert_eq!([0, 1].map(|_| code(api.list(None, None, NOW))), [Some(400); 2]);
        assert_eq!(found(api.get("inst_0", NOW)).status, Status::Ready);
        let mut api = simulation("ready,list:500*2", 1);
        assert_eq!([0, 1].map(|_| code(api.list(None, None, NOW))), [Some(500); 2]);
        assert_eq!(found(api.list(None, None, NOW)).instances.len(), 1);
        assert_eq!(code(api.list(Some(0), None, NOW)), Some(400), "a limit of none");
    }

    #[test]
    fn a_permanent_fault_leaves_the_page_empty() {
        assert_eq!(simulation("500", 1).on_a_page(0, NOW), None);
    }

    #[test]
    fn requests_beyond_the_rate_limit_are_throttled() {
        let mut api = simulation("ready", 1).limited_to(2);
        let codes = [0, 10, 20, 999, 1_000]
            .map(|millis| code(api.get("inst_0", Duration::from_millis(millis))));
        assert_eq!(codes, [None, None, Some(429), Some(429), None]);
    }

    #[test]
    fn ten_thousand_instances_have_distinct_addresses() {
        let addresses: std::collections::HashSet<_> = (0..10_000).map(own_address).collect();
        assert_eq!(addresses.len(), 10_000);
        assert!(addresses.iter().all(|ip| Usable::new((*ip).into(), Origin::Network).is_ok()));
    }
}
