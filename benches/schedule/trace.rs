//! How long instances take: seeded traces of five kinds, in whole milliseconds, so that every
//! machine draws the same ones.

use std::{f64::consts::TAU, time::Duration};

use fastrand::Rng;
use wait_ready::Status;

/// Nothing takes longer than this.
const LONGEST_MS: f64 = 1_800_000.0;

/// What one instance goes through, from the start of the wait.
pub(crate) struct Trace {
    /// Each status and when the next one begins.
    steps: Vec<(Status, Duration)>,
}

impl Trace {
    fn new(steps: &[(Status, f64)]) -> Self {
        let mut at = Duration::ZERO;
        let until = |(status, seconds): &(Status, f64)| {
            at += milliseconds(*seconds);
            (status.clone(), at)
        };
        Self { steps: steps.iter().map(until).collect() }
    }

    /// When it is ready.
    pub(crate) fn ready_at(&self) -> Duration {
        self.steps.last().map_or(Duration::ZERO, |(_, until)| *until)
    }

    /// What the API says at this moment.
    pub(crate) fn status_at(&self, now: Duration) -> Status {
        let step = self.steps.iter().find(|(_, until)| now < *until);
        step.map_or(Status::Ready, |(status, _)| status.clone())
    }
}

/// Traces of one kind.
pub(crate) struct Family {
    /// Its short name.
    pub(crate) name: &'static str,
    /// What is in it.
    pub(crate) about: &'static str,
    draw: fn(&mut Rng) -> Trace,
}

impl Family {
    /// The first `count` traces; those of a longer draw begin with them.
    pub(crate) fn traces(&self, count: usize) -> Vec<Trace> {
        let seed = self.name.bytes().fold(0, |seed, byte| seed * 31 + u64::from(byte));
        let mut rng = Rng::with_seed(seed);
        (0..count).map(|_| (self.draw)(&mut rng)).collect()
    }
}

/// The kinds of traces that schedules are compared on.
pub(crate) const FAMILIES: [Family; 5] = [
    Family {
        name: "short",
        about: "one status, log-normal, median 10 s, sigma 0.5",
        draw: |rng| one_status(log_normal(rng, 10.0, 0.5)),
    },
    Family {
        name: "minutes",
        about: "one status, log-normal, median 150 s, sigma 0.3: the documented 2 to 3 minutes",
        draw: |rng| one_status(log_normal(rng, 150.0, 0.3)),
    },
    Family {
        name: "heavy-tail",
        about: "one status, log-normal, median 150 s, sigma 1.0, cut at 30 minutes",
        draw: |rng| one_status(log_normal(rng, 150.0, 1.0)),
    },
    Family {
        name: "phases",
        about: "pending (median 60 s, sigma 1.0), then provisioning (median 75 s, sigma 0.25), \
                both stretched by the same load",
        draw: |rng| {
            let load = normal(rng);
            let pending = 60.0 * (load + 0.3 * normal(rng)).exp();
            let provisioning = 75.0 * (0.2 * load + 0.15 * normal(rng)).exp();
            phases(pending, provisioning)
        },
    },
    Family {
        name: "queue",
        about: "pending (median 200 s, sigma 0.8), then provisioning (median 8 s, sigma 0.3): \
                the last status is short",
        draw: |rng| phases(log_normal(rng, 200.0, 0.8), log_normal(rng, 8.0, 0.3)),
    },
];

fn one_status(seconds: f64) -> Trace {
    Trace::new(&[(Status::Provisioning, seconds)])
}

fn phases(pending: f64, provisioning: f64) -> Trace {
    Trace::new(&[(Status::Pending, pending), (Status::Provisioning, provisioning)])
}

fn log_normal(rng: &mut Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// Box and Muller's transform of two uniform draws.
fn normal(rng: &mut Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

fn milliseconds(seconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut before")]
    let millis = (seconds * 1_000.0).clamp(1.0, LONGEST_MS).round() as u64;
    Duration::from_millis(millis)
}
