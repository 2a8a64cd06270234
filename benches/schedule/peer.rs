//! The schedules of other tools, from their published formulas.

use std::time::Duration;

use fastrand::Rng;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What a schedule may know when it chooses the next delay.
pub(crate) struct Moment {
    /// Since the start of the wait.
    pub(crate) elapsed: Duration,
    /// The whole time that the wait may take.
    pub(crate) max_wait: Duration,
    /// Whether the answer just read shows another status than the one before.
    pub(crate) changed: bool,
}

/// Chooses the pause after an answer that was not the wanted one.
pub(crate) trait Schedule {
    /// The pause before the next request.
    fn delay(&mut self, moment: &Moment) -> Duration;
}

/// A tool that people use, or a way of using it.
pub(crate) struct Peer {
    /// Its short name.
    pub(crate) name: &'static str,
    /// Its formula, and where that is published.
    pub(crate) about: &'static str,
    /// Starts one wait.
    pub(crate) start: fn(u64) -> Box<dyn Schedule>,
}

/// The schedules that ours is compared with.
pub(crate) const PEERS: [Peer; 6] = [
    Peer {
        name: "smithy",
        about: "random(2 s, min(120 s, 2 s * 2^(n-1))), the last one at the deadline \
                (smithy.io, Waiter retries)",
        start: |seed| Box::new(Smithy::new(seed)),
    },
    Peer {
        name: "aws-15s",
        about: "every 15 s (botocore, ec2 waiter InstanceRunning; its limit of 40 attempts left out)",
        start: |_| Box::new(Fixed(secs(15))),
    },
    Peer {
        name: "terraform",
        about: "200 ms, doubling, at most 10 s (terraform-plugin-sdk, StateChangeConf without \
                MinTimeout)",
        start: |_| Box::new(Doubling { next: Duration::from_millis(200), most: secs(10) }),
    },
    Peer {
        name: "wait4x",
        about: "every 1 s (wait4x, default)",
        start: |_| Box::new(Fixed(secs(1))),
    },
    Peer {
        name: "wait4x-exp",
        about: "1 s, doubling, at most 5 s (wait4x --backoff-policy exponential)",
        start: |_| Box::new(Doubling { next: secs(1), most: secs(5) }),
    },
    Peer {
        name: "wait-on",
        about: "every 250 ms (npm wait-on, default)",
        start: |_| Box::new(Fixed(Duration::from_millis(250))),
    },
];

/// The same pause every time.
pub(crate) struct Fixed(pub Duration);

impl Schedule for Fixed {
    fn delay(&mut self, _: &Moment) -> Duration {
        self.0
    }
}

/// Twice the pause before, up to a limit.
struct Doubling {
    next: Duration,
    most: Duration,
}

impl Schedule for Doubling {
    fn delay(&mut self, _: &Moment) -> Duration {
        let delay = self.next.min(self.most);
        self.next = delay * 2;
        delay
    }
}

/// Smithy's waiters with their default bounds.
pub(crate) struct Smithy {
    attempt: i32,
    rng: Rng,
}

impl Smithy {
    const MIN: f64 = 2.0;
    const MAX: f64 = 120.0;

    /// A wait whose random numbers begin at `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { attempt: 0, rng: Rng::with_seed(seed) }
    }
}

impl Schedule for Smithy {
    fn delay(&mut self, moment: &Moment) -> Duration {
        self.attempt += 1;
        let ceiling = (Self::MAX / Self::MIN).log2() + 1.0;
        let most = if f64::from(self.attempt) > ceiling {
            Self::MAX
        } else {
            Self::MIN * 2f64.powi(self.attempt - 1)
        };
        let delay = Duration::from_secs_f64(Self::MIN + (most - Self::MIN) * self.rng.f64());
        let remaining = moment.max_wait.saturating_sub(moment.elapsed);
        if remaining.saturating_sub(delay) <= Duration::from_secs_f64(Self::MIN) {
            remaining
        } else {
            delay
        }
    }
}
