//! A world as the two ports of the waiter, and the log of all that passed through them.

use std::{
    future::pending,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use wait_ready::{
    answer::{address::Origin, instance::InstanceId},
    api::wire,
    text::untrusted::Untrusted,
    wait::{
        condition::Condition,
        event::{Observer, WaitEvent},
        probe::{Probe, ProbeError, Target},
        source::{InstanceSource, Round},
    },
};

use super::{
    answers::{Burst, Headers, Said, as_library, body, redactor, through_wire},
    rng::Rng,
    world::{Ms, World},
};

/// What happened, in the order in which the waiter learned of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A round is sent.
    Ask { at: Ms },
    /// The round asks for this instance.
    Asked { who: usize },
    /// It got this answer.
    Answer { who: usize, said: Said },
    /// The round is over: answered, or cut by the deadline.
    Answered { at: Ms },
    /// An attempt to reach an address begins.
    Try { at: Ms, ip: IpAddr },
    /// An attempt to reach an address is over.
    Tried { at: Ms, ip: IpAddr, reached: bool },
    /// An attempt is given up before it is over.
    Abandoned { ip: IpAddr },
    /// The list fails, and single requests serve.
    NoList,
    /// The waiter tells that.
    ToldNotice,
    /// The waiter says that it will poll then.
    Planned { at: Ms },
    /// The waiter says that an instance was asked about, and what its status was.
    ToldPoll,
    /// The waiter warns of a status.
    ToldUnclear,
    /// The waiter warns of an address that cannot be used.
    ToldUnusable,
}

/// The log of one world, shared by its ports.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    started: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Log {
    pub(crate) fn new(events: Arc<Mutex<Vec<Event>>>) -> Self {
        Self { started: Instant::now(), events }
    }

    pub(crate) fn now(&self) -> Ms {
        millis(self.started.elapsed())
    }

    pub(crate) fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().expect("no one panicked")
    }

    pub(super) fn push(&self, event: Event) {
        self.events().push(event);
    }
}

/// The paused clock only ever stands at whole milliseconds.
fn millis(time: Duration) -> Ms {
    Ms::try_from(time.as_millis()).unwrap_or(Ms::MAX)
}

pub(crate) struct WorldSource<'a> {
    pub(crate) world: &'a World,
    pub(crate) ids: &'a [InstanceId],
    pub(crate) log: Log,
    pub(crate) rng: Rng,
    bursts: Vec<Burst>,
}

impl<'a> WorldSource<'a> {
    pub(crate) fn new(world: &'a World, ids: &'a [InstanceId], log: Log, rng: Rng) -> Self {
        Self { world, ids, log, rng, bursts: vec![Burst::default(); ids.len()] }
    }

    fn answer(&mut self, who: usize) -> (Said, Headers) {
        let at = self.log.now();
        self.world.answer(who, at, &mut self.bursts[who], &mut self.rng)
    }

    /// Answers one after the other those without an answer; a server that asks for a pause may get
    /// it at once.
    async fn one_by_one(&mut self, asked: &[usize], round: &mut Round) {
        let latency = self.world.weather.latency;
        for place in round.unanswered() {
            let who = asked[place];
            if latency > 0 && self.rng.percent(10) {
                let most = latency.min(self.world.options.request_timeout);
                sleep(Duration::from_millis(self.rng.between(0, most))).await;
            }
            let (said, headers) = self.answer(who);
            self.log.push(Event::Answer { who, said });
            let (id, rng) = (&self.ids[who], &mut self.rng);
            let answer = if self.world.on_the_wire {
                through_wire(said, &headers, id, rng)
            } else {
                as_library(said, &headers, id, rng)
            };
            round.answer(place, answer);
            let throttled = matches!(said, Said::Error { status: 429, .. } if rng.percent(50));
            let hinted = matches!(said, Said::Error { hint: Some(_), .. } if rng.percent(50));
            if throttled || hinted {
                break;
            }
        }
    }

    /// Answers with pages of a list; who is on none of them is asked for by name.
    async fn by_pages(&mut self, asked: &[usize], round: &mut Round) {
        // A list that is refused, cannot be read or fails three rounds in a row: single requests serve.
        if self.rng.percent(self.world.weather.no_list) {
            self.log.push(Event::NoList);
            round.notice("asking for each by its own request");
            return self.one_by_one(asked, round).await;
        }
        let mut listed = Vec::new();
        for (place, &who) in asked.iter().enumerate() {
            match self.answer(who).0 {
                said @ Said::Instance { status, ip } if self.rng.percent(85) => {
                    listed.push((
                        place,
                        who,
                        said,
                        body(self.ids[who].as_str(), status, ip, &mut self.rng),
                    ));
                }
                _ => {}
            }
        }
        let mut elements: Vec<String> = listed.iter().map(|(.., body)| body.clone()).collect();
        for nonsense in ["{}", "null", r#"{"id":"i0"}"#, r#"{"id":7,"status":"ready"}"#] {
            if self.rng.percent(20) {
                let count = elements.len() as u64 + 1;
                let place = usize::try_from(self.rng.below(count)).unwrap_or(0);
                elements.insert(place, nonsense.into());
            }
        }
        let page = format!(r#"{{"instances":[{}],"has_more":false}}"#, elements.join(","));
        let page = wire::parse_page(page.as_bytes(), Origin::Network, &redactor()).expect("a page");
        for (place, who, said, _) in listed {
            let found = page.instances.iter().find(|instance| instance.id == self.ids[who]);
            self.log.push(Event::Answer { who, said });
            round.answer(place, Ok(found.cloned().expect("it is on the page")));
        }
        self.one_by_one(asked, round).await;
    }
}

impl InstanceSource for WorldSource<'_> {
    async fn poll(&mut self, round: &mut Round) {
        self.log.push(Event::Ask { at: self.log.now() });
        // A round that is cut is over too.
        let _over = Asking(self.log.clone());
        let place =
            |id: &InstanceId| self.ids.iter().position(|known| known == id).expect("a known id");
        let asked: Vec<usize> = round.ids().map(place).collect();
        for &who in &asked {
            self.log.push(Event::Asked { who });
        }
        let weather = self.world.weather;
        if weather.silence > 0 && self.rng.percent(weather.silence) {
            pending::<()>().await;
        }
        let hangs = weather.hang > 0 && self.rng.percent(weather.hang);
        let latency = match weather.latency {
            _ if hangs => self.world.options.request_timeout,
            0 => 0,
            most => self.rng.between(0, most).min(self.world.options.request_timeout),
        };
        if latency > 0 {
            sleep(Duration::from_millis(latency)).await;
        }
        if hangs {
            for (place, &who) in asked.iter().enumerate() {
                self.log.push(Event::Answer { who, said: Said::Fault });
                let (headers, rng) = (Headers::default(), &mut self.rng);
                round.answer(place, as_library(Said::Fault, &headers, &self.ids[who], rng));
            }
        } else if self.world.paged && asked.len() > 1 {
            self.by_pages(&asked, round).await;
        } else {
            self.one_by_one(&asked, round).await;
        }
    }
}

/// Tells the log when a round is over.
pub(super) struct Asking(pub(super) Log);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.push(Event::Answered { at: self.0.now() });
    }
}

/// Doors that open and close by a schedule which the seed and the address decide.
pub(crate) struct WorldProbe {
    pub(crate) seed: u64,
    pub(crate) horizon: Ms,
    pub(crate) log: Log,
}

impl Probe for WorldProbe {
    async fn attempt(&self, target: Target<'_>) -> Result<(), ProbeError> {
        let ip = target.address.ip();
        self.log.push(Event::Try { at: self.log.now(), ip });
        let mut attempt = Attempt { log: &self.log, ip, is_over: false };
        let door = match ip {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => v6.segments().iter().map(|s| u64::from(*s)).sum(),
        };
        let mut rng = Rng::new(self.seed ^ door.wrapping_mul(0x9e37_79b9));
        let opens = if rng.percent(20) { 0 } else { rng.between(0, self.horizon) };
        let closes = if rng.percent(70) { Ms::MAX } else { rng.between(0, self.horizon) };
        // Some are reached now and then.
        let turn = rng.percent(40).then(|| 700 * rng.between(1, 6));
        // Like a command that waits for ever: it ends by being dropped.
        if rng.percent(7) {
            pending::<()>().await;
        }
        let latency = rng.pick(&[0, 0, 20, 1_000, 5_000]);
        if latency > 0 {
            sleep(Duration::from_millis(latency)).await;
        }
        let at = self.log.now();
        let is_open = turn.is_none_or(|turn| (at / turn).is_multiple_of(2));
        let reached = is_open && (opens..closes).contains(&at);
        attempt.is_over = true;
        self.log.push(Event::Tried { at, ip, reached });
        match rng.below(3) {
            _ if reached => Ok(()),
            number if *target.condition == Condition::Exec => {
                let ended = if number == 0 { "signal 9" } else { "exit code 255" };
                Err(ProbeError::Command { ended: Untrusted::from(ended), last_line: None })
            }
            0 => Err(ProbeError::ConnectionRefused),
            1 => Err(ProbeError::Silent(Duration::from_secs(5))),
            _ => Err(ProbeError::Closed),
        }
    }
}

/// Tells the log when an attempt is dropped.
pub(super) struct Attempt<'a> {
    pub(super) log: &'a Log,
    pub(super) ip: IpAddr,
    pub(super) is_over: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.log.push(Event::Abandoned { ip: self.ip });
        }
    }
}

impl Observer for Log {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        if let Some(event) = Event::told(at, event) {
            self.push(event);
        }
    }
}

impl Event {
    /// What the waiter tells, as far as it is checked.
    pub(super) fn told(at: Duration, event: &WaitEvent<'_>) -> Option<Self> {
        match event {
            WaitEvent::NextPoll { delay, .. } => {
                let planned = at.saturating_add(*delay).as_nanos().div_ceil(1_000_000);
                Some(Self::Planned { at: Ms::try_from(planned).unwrap_or(Ms::MAX) })
            }
            WaitEvent::Notice(_) => Some(Self::ToldNotice),
            WaitEvent::Polled { .. } => Some(Self::ToldPoll),
            WaitEvent::UnclearStatus { .. } => Some(Self::ToldUnclear),
            WaitEvent::UnusableAddress { .. } => Some(Self::ToldUnusable),
            _ => None,
        }
    }
}
