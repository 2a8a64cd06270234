//! Schedules that could be ours: other bounds, factors and shapes of jitter.

use std::{fmt, time::Duration};

use fastrand::Rng;

use crate::peer::{Moment, Schedule};

/// How a delay is drawn from its step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// From this upper part of it, which `Backoff` does too; 0 is the step itself.
    Upper(f64),
    /// From anywhere between the shortest delay and the step.
    Full,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upper(part) => write!(f, "jitter {:.0} %", 100.0 * part),
            Self::Full => f.write_str("jitter full"),
        }
    }
}

/// One such schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Variant {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
    pub(crate) factor: f64,
    pub(crate) shape: Shape,
    /// Whether it starts again when the status changes.
    pub(crate) restarts: bool,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max, factor, shape, restarts } = self;
        let restarts = if *restarts { "" } else { ", goes on" };
        write!(f, "{min:?}..{max:?}, x{factor}, {shape}{restarts}")
    }
}

impl Variant {
    /// One wait with it.
    pub(crate) fn start(self, seed: u64) -> impl Schedule {
        Running { variant: self, step: self.min, rng: Rng::with_seed(seed) }
    }

    /// Every combination that was tried.
    pub(crate) fn all() -> Vec<Self> {
        let shapes = [0.0, 0.2, 1.0 / 3.0, 0.5].map(Shape::Upper).into_iter().chain([Shape::Full]);
        let mut all = Vec::new();
        for min in [500, 1_000, 2_000, 3_000].map(Duration::from_millis) {
            for max in [5, 8, 10, 12, 15, 20, 30].map(Duration::from_secs) {
                for factor in [1.25, 1.4, 1.5, 1.6, 1.75, 2.0, 3.0] {
                    for shape in shapes.clone() {
                        for restarts in [true, false] {
                            all.push(Self { min, max, factor, shape, restarts });
                        }
                    }
                }
            }
        }
        all
    }
}

struct Running {
    variant: Variant,
    step: Duration,
    rng: Rng,
}

impl Schedule for Running {
    fn delay(&mut self, moment: &Moment) -> Duration {
        let Variant { min, max, factor, shape, restarts } = self.variant;
        if moment.changed && restarts {
            self.step = min;
        }
        let step = self.step;
        self.step = step.mul_f64(factor).min(max);
        let delay = match shape {
            Shape::Upper(part) => step.mul_f64(1.0 - part * self.rng.f64()),
            Shape::Full => min + step.saturating_sub(min).mul_f64(self.rng.f64()),
        };
        delay.clamp(min, max)
    }
}
