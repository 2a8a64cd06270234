//! What one poll of one instance can bring, by the contract's table.

use wait_ready::{
    Address,
    answer::{
        Answer,
        address::Origin,
        instance::{Instance, InstanceId},
        poll_error::{Fault, PollError},
    },
    api::wire,
    text::untrusted::Untrusted,
};

use super::{
    answers::{Headers, Said, as_library, redactor},
    rng::Rng,
    world::{Ms, Options, address},
};

/// What stands in place of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ip {
    Absent,
    Unusable,
    A,
    B,
}

/// How an answer asks for a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Seconds,
    Date,
    Reset,
    /// The moment at which it ends, in seconds since 1970.
    ResetAt,
    /// The same in milliseconds.
    ResetAtMillis,
    UntilDeadline,
    PastDeadline,
}

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    Instance(&'static str, Ip),
    Own(u16),
    Foreign(u16),
    Throttled(Asks),
    Unavailable(Asks),
    Unconnected,
    Malformed,
    Another,
}

/// Letters of which the contract says the same: to exchange two of them in a whole world changes
/// nothing of what has to come of it. So of all worlds that differ in nothing else, the one serves
/// in which the members of each class appear in this order for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// One row of the table: `init`, `pending`, `provisioning`.
    OnItsWay,
    /// One row: `unknown`, and any status that is not documented.
    Unclear,
    /// The addresses of one instance.
    Address,
    /// One row: 401, 403 of the API's own.
    OwnKey,
    /// One row: 400 and other 4xx of the API's own, redirects, 407.
    OwnRefusal,
    /// One row, one exit code: 401, 403 of something in front.
    ForeignKey,
    /// One row, one exit code: other 4xx of something in front.
    ForeignRefusal,
    /// One row: 408, 425, 5xx, transport errors, malformed answers, another's id.
    Transient,
    /// The ways to ask for the same pause.
    Pause,
}

const CLASSES: usize = 9;

impl Letter {
    /// All of them, the simplest first.
    pub(crate) fn all() -> Vec<Self> {
        use Letter::{
            Another, Foreign, Instance, Malformed, Own, Throttled, Unavailable, Unconnected,
        };
        let statuses = ["ready", "pending", "init", "provisioning", "unknown", "paused", "stopped"];
        let with_each = |ip| statuses.map(|status| Instance(status, ip));
        let mut all = Vec::new();
        for ip in [Ip::Absent, Ip::A, Ip::B, Ip::Unusable] {
            all.extend(with_each(ip));
        }
        all.extend([401, 403, 404, 400, 409, 302, 407, 500, 408].map(Own));
        all.extend([403, 401, 404, 400, 418].map(Foreign));
        all.extend([Unconnected, Malformed, Another]);
        all.extend(
            [
                Asks::Nothing,
                Asks::Seconds,
                Asks::Date,
                Asks::Reset,
                Asks::ResetAt,
                Asks::ResetAtMillis,
                Asks::UntilDeadline,
                Asks::PastDeadline,
            ]
            .map(Throttled),
        );
        all.extend([Asks::Seconds, Asks::Date, Asks::PastDeadline].map(Unavailable));
        all
    }

    /// One of each verdict.
    pub(crate) fn one_of_each_verdict() -> Vec<Self> {
        use Letter::{Foreign, Instance, Own, Throttled};
        vec![
            Instance("ready", Ip::A),
            Instance("pending", Ip::Absent),
            Instance("stopped", Ip::Absent),
            Own(401),
            Own(404),
            Own(400),
            Own(500),
            Foreign(403),
            Foreign(404),
            Throttled(Asks::Nothing),
            Throttled(Asks::Seconds),
            Throttled(Asks::PastDeadline),
        ]
    }

    /// For several instances at once.
    pub(crate) fn few() -> Vec<Self> {
        use Letter::{Foreign, Instance, Own, Throttled};
        vec![
            Instance("ready", Ip::A),
            Instance("pending", Ip::Absent),
            Instance("stopped", Ip::Absent),
            Own(401),
            Own(404),
            Own(500),
            Foreign(404),
            Throttled(Asks::Seconds),
        ]
    }

    /// The places in the classes that it belongs to.
    fn ranks(self) -> impl Iterator<Item = (Class, u8)> {
        let status = match self {
            Self::Instance("pending", _) => Some((Class::OnItsWay, 0)),
            Self::Instance("init", _) => Some((Class::OnItsWay, 1)),
            Self::Instance("provisioning", _) => Some((Class::OnItsWay, 2)),
            Self::Instance("unknown", _) => Some((Class::Unclear, 0)),
            Self::Instance("paused", _) => Some((Class::Unclear, 1)),
            Self::Own(401) => Some((Class::OwnKey, 0)),
            Self::Own(403) => Some((Class::OwnKey, 1)),
            Self::Own(400) => Some((Class::OwnRefusal, 0)),
            Self::Own(409) => Some((Class::OwnRefusal, 1)),
            Self::Own(302) => Some((Class::OwnRefusal, 2)),
            Self::Own(407) => Some((Class::OwnRefusal, 3)),
            Self::Foreign(403) => Some((Class::ForeignKey, 0)),
            Self::Foreign(401) => Some((Class::ForeignKey, 1)),
            Self::Foreign(400) => Some((Class::ForeignRefusal, 0)),
            Self::Foreign(418) => Some((Class::ForeignRefusal, 1)),
            Self::Own(500) => Some((Class::Transient, 0)),
            Self::Unconnected => Some((Class::Transient, 1)),
            Self::Malformed => Some((Class::Transient, 2)),
            Self::Another => Some((Class::Transient, 3)),
            Self::Own(408) => Some((Class::Transient, 4)),
            Self::Throttled(Asks::Seconds) | Self::Unavailable(Asks::Seconds) => {
                Some((Class::Pause, 0))
            }
            Self::Throttled(Asks::Date) | Self::Unavailable(Asks::Date) => Some((Class::Pause, 1)),
            Self::Throttled(Asks::Reset) => Some((Class::Pause, 2)),
            Self::Throttled(Asks::ResetAt) => Some((Class::Pause, 3)),
            Self::Throttled(Asks::ResetAtMillis) => Some((Class::Pause, 4)),
            _ => None,
        };
        let address = match self {
            Self::Instance(_, Ip::A) => Some((Class::Address, 0)),
            Self::Instance(_, Ip::B) => Some((Class::Address, 1)),
            _ => None,
        };
        [status, address].into_iter().flatten()
    }

    /// What it means to a reader of the contract.
    pub(crate) fn said(self, who: usize, now: Ms, options: &Options) -> Said {
        match self {
            Self::Instance(status, ip) => Said::Instance { status, ip: ip.of(who) },
            Self::Own(status) => Said::Error { status, hint: None },
            Self::Foreign(status) => Said::Foreign { status },
            Self::Throttled(asks) => Said::Error { status: 429, hint: asks.pause(now, options) },
            Self::Unavailable(asks) => Said::Error { status: 503, hint: asks.pause(now, options) },
            Self::Unconnected | Self::Malformed | Self::Another => Said::Fault,
        }
    }

    /// What the library gets.
    pub(crate) fn answer(self, who: usize, id: &InstanceId, said: Said) -> Answer {
        let mut rng = Rng::new(0);
        match self {
            Self::Instance(status, ip) => {
                let mut instance = Instance::new(id.clone(), status.into());
                instance.ip =
                    ip.of(who).map(|ip| Address::new(ip, Origin::Network).expect("a host"));
                instance.unusable_ip = (ip == Ip::Unusable).then(|| Untrusted::from("0.0.0.0"));
                Ok(instance)
            }
            Self::Own(_) | Self::Foreign(_) => as_library(said, &Headers::default(), id, &mut rng),
            Self::Throttled(asks) | Self::Unavailable(asks) => {
                as_library(said, &asks.headers(said), id, &mut rng)
            }
            Self::Unconnected => Err(PollError::transient(Fault::Connect(Untrusted::from("no")))),
            Self::Malformed => wire::parse_instance(b"<html>", Origin::Network, &redactor()),
            Self::Another => {
                let another = InstanceId::new("another").expect("an id");
                let mut instance = Instance::new(another, "ready".into());
                instance.ip = Ip::A.of(who).and_then(|ip| Address::new(ip, Origin::Network).ok());
                Ok(instance)
            }
        }
    }

    /// The JSON object that says it, where it describes an instance.
    pub(crate) fn body(self, who: usize, id: &InstanceId) -> Option<String> {
        let Self::Instance(status, ip) = self else { return None };
        let ip = match ip.of(who) {
            Some(ip) => format!(r#","ip":"{ip}""#),
            None if ip == Ip::Unusable => r#","ip":"0.0.0.0""#.into(),
            None => String::new(),
        };
        Some(format!(r#"{{"id":"{id}","status":"{status}"{ip}}}"#))
    }
}

impl Ip {
    fn of(self, who: usize) -> Option<std::net::IpAddr> {
        match self {
            Self::Absent | Self::Unusable => None,
            Self::A => Some(address(who as u64, 1)),
            Self::B => Some(address(who as u64, 2)),
        }
    }
}

impl Asks {
    /// A pause that is not past most deadlines, in seconds.
    const PAUSE: u64 = 2;

    fn pause(self, now: Ms, options: &Options) -> Option<Ms> {
        let left = options.max_wait.saturating_sub(now) / 1_000;
        match self {
            Self::Nothing => None,
            Self::Seconds | Self::Date | Self::Reset | Self::ResetAt | Self::ResetAtMillis => {
                Some(Self::PAUSE * 1_000)
            }
            Self::UntilDeadline => Some(left * 1_000),
            Self::PastDeadline => Some((left + 1) * 1_000),
        }
    }

    fn headers(self, said: Said) -> Headers {
        let seconds = match said {
            Said::Error { hint: Some(hint), .. } => (hint / 1_000).to_string(),
            _ => return Headers::default(),
        };
        match self {
            Self::Nothing => Headers::default(),
            Self::Date => Headers::retry_after("Sun, 06 Nov 1994 08:49:39 GMT"),
            Self::Reset => Headers::reset(&seconds),
            Self::ResetAt => Headers::reset_at(Self::PAUSE * 1_000, false),
            Self::ResetAtMillis => Headers::reset_at(Self::PAUSE * 1_000, true),
            Self::Seconds | Self::UntilDeadline | Self::PastDeadline => {
                Headers::retry_after(&seconds)
            }
        }
    }
}

/// Which members of each class have appeared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Appeared([u8; CLASSES]);

impl Appeared {
    /// Whether this letter may come next.
    pub(crate) fn allows(&self, letter: Letter) -> bool {
        letter.ranks().all(|(class, rank)| rank <= self.0[class as usize])
    }

    pub(crate) fn note(&mut self, letter: Letter) {
        for (class, rank) in letter.ranks() {
            let appeared = &mut self.0[class as usize];
            *appeared = (*appeared).max(rank + 1);
        }
    }
}
