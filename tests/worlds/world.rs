//! A world: what is waited for, how each instance fares, and how bad the weather is between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Shape, rng::Rng};

/// Milliseconds since the start of the wait.
pub(crate) type Ms = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Ready,
    Probed,
    Stopped,
    Deleted,
}

impl Goal {
    pub(crate) fn is_an_address(self) -> bool {
        matches!(self, Self::Ready | Self::Probed)
    }
}

/// The options of a wait, in plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) goal: Goal,
    pub(crate) max_wait: Ms,
    pub(crate) grace: Ms,
    pub(crate) stable: usize,
    pub(crate) budgets: Vec<(&'static str, Ms)>,
    pub(crate) any: bool,
    pub(crate) fail_fast: bool,
    pub(crate) min: Ms,
    pub(crate) max: Ms,
    pub(crate) jitter: bool,
    pub(crate) request_timeout: Ms,
}

/// What the API would say of an instance if nothing came between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Instance { status: &'static str, ip: Option<IpAddr> },
    Missing,
}

/// How bad it gets between the API and the waiter, in percent of the requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) fault: u64,
    pub(crate) throttle: u64,
    pub(crate) permanent: u64,
    pub(crate) hang: u64,
    pub(crate) silence: u64,
    /// The list fails, while single requests are answered.
    pub(crate) no_list: u64,
    pub(crate) latency: Ms,
    pub(crate) longest_burst: u64,
    pub(crate) longest_hint: Ms,
}

impl Weather {
    const FINE: Self = Self {
        fault: 0,
        throttle: 0,
        permanent: 0,
        hang: 0,
        silence: 0,
        no_list: 0,
        latency: 0,
        longest_burst: 1,
        longest_hint: 0,
    };
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) options: Options,
    /// For each instance, what it shows until when; the last entry lasts for ever.
    pub(crate) paths: Vec<Vec<(Ms, Shown)>>,
    pub(crate) weather: Weather,
    /// When the process is stopped, and for how long.
    pub(crate) stopped: Option<(Ms, Ms)>,
    /// Whether answers travel as JSON.
    pub(crate) on_the_wire: bool,
    /// Whether answers travel as pages of a list.
    pub(crate) paged: bool,
}

const STATUSES: [&str; 12] = [
    "ready",
    "ready",
    "ready",
    "init",
    "pending",
    "provisioning",
    "unknown",
    "stopped",
    "paused",
    "READY",
    "",
    "x\n::error::y",
];

impl World {
    pub(crate) fn new(seed: u64, shape: Shape) -> (Self, Rng) {
        let mut rng = Rng::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ shape as u64);
        let world = if shape == Shape::Simple {
            Self::simple(seed, &mut rng)
        } else {
            Self::rough(seed, shape, &mut rng)
        };
        (world, rng)
    }

    /// One instance that becomes ready as documented.
    fn simple(seed: u64, rng: &mut Rng) -> Self {
        let options = Options {
            goal: Goal::Ready,
            max_wait: 600_000,
            grace: 10_000,
            stable: 1,
            budgets: Vec::new(),
            any: false,
            fail_fast: false,
            min: 1_000,
            max: 15_000,
            jitter: true,
            request_timeout: 10_000,
        };
        let shown = |status, ip| Shown::Instance { status, ip };
        let pending = rng.between(0, 20_000);
        let provisioning = pending + rng.between(0, 20_000);
        let path = vec![
            (pending, shown("pending", None)),
            (provisioning, shown("provisioning", None)),
            (Ms::MAX, shown("ready", Some(address(0, 1)))),
        ];
        Self {
            seed,
            options,
            paths: vec![path],
            weather: Weather::FINE,
            stopped: None,
            on_the_wire: false,
            paged: false,
        }
    }

    fn rough(seed: u64, shape: Shape, rng: &mut Rng) -> Self {
        let several =
            matches!(shape, Shape::Fleet | Shape::ProbedFleet | Shape::Pages | Shape::Dropped);
        let probed = matches!(shape, Shape::Probed | Shape::ProbedFleet | Shape::Dropped);
        let count = if several { rng.between(2, 6) } else { 1 };
        let mut options = options(probed, several, rng);
        let stopped = (shape == Shape::Overslept).then(|| {
            // One look has no deadline to be missed.
            options.max_wait = options.max_wait.max(1_000);
            // Not before it began: the wait would know nothing of it.
            let after = rng.between(1, options.max_wait);
            let past = options.max_wait - after + rng.between(1_000, 100_000);
            // What is missed by less than a second may be a timer's fault.
            let within = rng.between(0, options.max_wait - after);
            (after, if rng.percent(25) { within } else { past })
        });
        let horizon = options.max_wait.max(options.min) + 1;
        let paths = (0..count).map(|who| path(who, options.goal, horizon, rng)).collect();
        let weather = weather(&options, rng);
        let on_the_wire = matches!(shape, Shape::Wire | Shape::Pages);
        Self { seed, options, paths, weather, stopped, on_the_wire, paged: shape == Shape::Pages }
    }

    /// What the API knows of an instance at this moment.
    pub(crate) fn shown(&self, who: usize, at: Ms) -> Shown {
        let path = &self.paths[who];
        path.iter().find(|(until, _)| at < *until).map_or(path[path.len() - 1].1, |(_, s)| *s)
    }
}

fn options(probed: bool, several: bool, rng: &mut Rng) -> Options {
    let min = rng.pick(&[10, 100, 250, 1_000, 1_000, 3_000]);
    let max = min * rng.pick(&[1, 2, 5, 15, 15, 60]);
    let max_wait = match rng.below(20) {
        0 => 0,
        1 => rng.between(1, 50),
        2 => max * 100,
        _ => rng.between(min, 30 * max),
    };
    let budgets = if rng.percent(30) { rng.between(1, 3) } else { 0 };
    let goal = match rng.below(10) {
        _ if probed => Goal::Probed,
        0 => Goal::Stopped,
        1 => Goal::Deleted,
        _ => Goal::Ready,
    };
    Options {
        goal,
        max_wait,
        grace: rng.pick(&[0, 1, min, 10 * min, 10_000, 10_000, 40_000]),
        stable: rng.pick(&[1, 1, 1, 2, 3, 4]),
        budgets: (0..budgets)
            .map(|_| (rng.pick(&STATUSES), rng.between(1, max_wait / 2 + 1)))
            .collect(),
        any: several && rng.percent(30),
        fail_fast: several && rng.percent(30),
        min,
        max,
        jitter: rng.percent(60),
        request_timeout: rng.pick(&[min, 10 * min, 10_000]),
    }
}

fn path(who: u64, goal: Goal, horizon: Ms, rng: &mut Rng) -> Vec<(Ms, Shown)> {
    let mut at = 0;
    let mut path = Vec::new();
    if rng.percent(25) {
        at += rng.between(0, horizon / 4);
        path.push((at, Shown::Missing));
    }
    // Most worlds keep their one address; a few of the rest make it flap.
    let addresses: &[u8] = if rng.percent(60) { &[1] } else { &[1, 1, 2, 3, 0] };
    let may_stop = rng.percent(25);
    for _ in 0..rng.between(0, 8) {
        let part = rng.pick(&[4, 8, 40]);
        at += rng.between(0, horizon / part);
        path.push((at, shown(who, addresses, may_stop, rng)));
        if rng.percent(4) {
            at += rng.between(0, horizon / 8);
            path.push((at, Shown::Missing));
        }
    }
    let end = match goal {
        Goal::Deleted if rng.percent(70) => Shown::Missing,
        Goal::Stopped if rng.percent(70) => Shown::Instance { status: "stopped", ip: None },
        Goal::Ready | Goal::Probed if rng.percent(70) => {
            Shown::Instance { status: "ready", ip: Some(address(who, 1)) }
        }
        _ => shown(who, addresses, true, rng),
    };
    path.push((Ms::MAX, end));
    path
}

fn shown(who: u64, addresses: &[u8], may_stop: bool, rng: &mut Rng) -> Shown {
    let status = rng.pick(&STATUSES);
    let status = if status == "stopped" && !may_stop { "provisioning" } else { status };
    let has_address = if status == "ready" { rng.percent(85) } else { rng.percent(20) };
    let number = rng.pick(addresses);
    Shown::Instance { status, ip: (has_address && number > 0).then(|| address(who, number)) }
}

/// An address that no other instance has.
pub(super) fn address(who: u64, number: u8) -> IpAddr {
    let who = u8::try_from(who).expect("few instances");
    match number {
        3 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, who.into(), 7).into(),
        _ => Ipv4Addr::new(198, 51, 100 + who, number).into(),
    }
}

/// The instance that an address belongs to.
pub(crate) fn owner(ip: IpAddr) -> u16 {
    match ip {
        IpAddr::V4(v4) => u16::from(v4.octets()[2]) - 100,
        IpAddr::V6(v6) => v6.segments()[6],
    }
}

fn weather(options: &Options, rng: &mut Rng) -> Weather {
    if rng.percent(20) {
        return Weather::FINE;
    }
    let or_none = |rng: &mut Rng, chance, levels: &[u64]| {
        if rng.percent(chance) { rng.pick(levels) } else { 0 }
    };
    Weather {
        fault: or_none(rng, 60, &[2, 10, 30, 60, 95]),
        throttle: or_none(rng, 50, &[2, 10, 30, 60]),
        permanent: or_none(rng, 15, &[1, 5, 20]),
        hang: or_none(rng, 20, &[2, 10, 40]),
        // Only a deadline ends a silence, and a wait of zero has none.
        silence: if options.max_wait > 0 { or_none(rng, 5, &[3, 20]) } else { 0 },
        no_list: rng.pick(&[0, 10, 50]),
        latency: or_none(rng, 50, &[5, 50, 500, 3_000]),
        longest_burst: rng.pick(&[1, 2, 5, 40]),
        longest_hint: rng.pick(&[0, options.min, options.max, 2 * options.max, options.max_wait]),
    }
}
