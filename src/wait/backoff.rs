//! The delay between two polls: exponential, with jitter inside its bounds.

use std::time::Duration;

use crate::text::duration::Brief;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

/// The growth of each step over the one before it.
const FACTOR: f64 = 2.0;
/// The largest part of a step that jitter takes away. With more, the delays are so short that other
/// tools detect ready sooner with fewer requests (`benches/README.md`).
const JITTER: f64 = 1.0 / 3.0;

/// Why there is no [`Backoff`] with these bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// Polling without a pause would flood the API.
    #[error("the shortest delay between two polls must be longer than zero")]
    ZeroMinDelay,
    /// The bounds are the wrong way round.
    #[error(
        "the shortest delay ({}) is longer than the longest ({})",
        Brief(*.min), Brief(*.max)
    )]
    MinAboveMax {
        /// The shortest delay.
        min: Duration,
        /// The longest delay.
        max: Duration,
    },
}

/// Random variation of the delays, so that many processes do not poll at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// None: the delays are the steps themselves.
    Off,
    /// From a generator with a random seed.
    Random,
    /// From a generator with this seed, so that a run can be repeated.
    Seeded(u64),
}

/// An exponential schedule of delays from `min` to `max`, each step twice the one before.
///
/// Each delay is drawn from the upper third of its step and stays within `[min, max]`. The first is
/// exactly `min`, and until the steps reach `max`, each delay is longer than the one before.
///
/// ```
/// use std::time::Duration;
/// use wait_ready::{Backoff, Jitter};
///
/// let (min, max) = (Duration::from_secs(1), Duration::from_secs(15));
/// let mut backoff = Backoff::new(min, max, Jitter::Off)?;
/// let delays: Vec<u64> = (0..5).map(|_| backoff.next_delay().as_secs()).collect();
/// assert_eq!(delays, [1, 2, 4, 8, 15]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    steps: ExponentialBackoff,
    jitter: Option<fastrand::Rng>,
}

impl Backoff {
    /// Makes a schedule from `min` to `max`.
    ///
    /// # Errors
    ///
    /// [`InvalidBackoff`] if `min` is zero or above `max`.
    pub fn new(min: Duration, max: Duration, jitter: Jitter) -> Result<Self, InvalidBackoff> {
        if min.is_zero() {
            return Err(InvalidBackoff::ZeroMinDelay);
        }
        if min > max {
            return Err(InvalidBackoff::MinAboveMax { min, max });
        }
        // The crate's jitter exceeds the bounds and cannot be seeded.
        let steps = ExponentialBackoffBuilder::new()
            .with_initial_interval(min)
            .with_max_interval(max)
            .with_multiplier(FACTOR)
            .with_randomization_factor(0.0)
            .with_max_elapsed_time(None)
            .build();
        let jitter = match jitter {
            Jitter::Off => None,
            Jitter::Random => Some(fastrand::Rng::new()),
            Jitter::Seeded(seed) => Some(fastrand::Rng::with_seed(seed)),
        };
        Ok(Self { steps, jitter })
    }

    /// The shortest delay.
    #[must_use]
    pub fn min_delay(&self) -> Duration {
        self.steps.initial_interval
    }

    /// The longest delay.
    #[must_use]
    pub fn max_delay(&self) -> Duration {
        self.steps.max_interval
    }

    /// Returns the next delay and advances the schedule.
    pub fn next_delay(&mut self) -> Duration {
        // The delay that the crate returns is sometimes a nanosecond longer than its step.
        let step = self.steps.current_interval;
        self.steps.next_backoff();
        let delay = match &mut self.jitter {
            None => step,
            Some(rng) => step.mul_f64(1.0 - JITTER * rng.f64()),
        };
        delay.clamp(self.min_delay(), self.max_delay())
    }

    /// Starts again at `min`.
    pub fn reset(&mut self) {
        self.steps.reset();
    }

    /// Shortens the next step by the fraction `share`, from 0 (no change) to 1 (start again at
    /// `min`).
    pub fn bring_closer(&mut self, share: f64) {
        let left = (1.0 - share).clamp(0.0, 1.0);
        let step = self.steps.current_interval.mul_f64(left);
        self.steps.current_interval = step.max(self.min_delay());
    }

    /// Returns a random time up to `most`, so that clients that were throttled together do not come
    /// back together.
    pub fn spread(&mut self, most: Duration) -> Duration {
        self.jitter.as_mut().map(|rng| most.mul_f64(rng.f64())).unwrap_or_default()
    }

    /// Makes another schedule with the same bounds, which begins at a random point of the first
    /// step. A clone would draw the same delays.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut fork = self.clone();
        fork.reset();
        fork.jitter = self.jitter.as_mut().map(fastrand::Rng::fork);
        let begin = self.min_delay().saturating_add(fork.spread(self.min_delay()));
        fork.steps.current_interval = begin.min(self.max_delay());
        fork
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn take(n: usize, mut backoff: Backoff) -> Vec<Duration> {
        (0..n).map(|_| backoff.next_delay()).collect()
    }

    #[test]
    fn without_jitter_each_step_is_twice_the_one_before_until_max() {
        let backoff = Backoff::new(secs(1), secs(15), Jitter::Off).unwrap();
        assert_eq!(take(6, backoff), [1, 2, 4, 8, 15, 15].map(secs));
    }

    #[test]
    fn without_jitter_a_delay_is_its_step_to_the_nanosecond() {
        let first = || Backoff::new(secs(1_000_000), secs(9_000_000), Jitter::Off).unwrap();
        assert!((0..1_000).all(|_| first().next_delay() == secs(1_000_000)));
    }

    #[test]
    fn jitter_stays_inside_min_and_max_and_inside_its_step() {
        for seed in 0..2_000 {
            let (min, max) = (Duration::from_millis(700), secs(15));
            let delays = take(12, Backoff::new(min, max, Jitter::Seeded(seed)).unwrap());
            let steps = take(12, Backoff::new(min, max, Jitter::Off).unwrap());
            assert_eq!(delays[0], min);
            for (delay, step) in delays.iter().zip(&steps) {
                assert!((min..=max).contains(delay), "seed {seed}: {delays:?}");
                assert!(*delay <= *step && *delay >= *step * 2 / 3, "seed {seed}: {delays:?}");
            }
        }
    }

    #[test]
    fn the_delays_of_two_seeds_differ_and_those_of_one_seed_do_not() {
        let delays =
            |seed| take(20, Backoff::new(secs(1), secs(15), Jitter::Seeded(seed)).unwrap());
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
        let distinct: HashSet<_> = delays(7).into_iter().skip(8).collect();
        assert!(distinct.len() > 8, "a fleet at the longest delay must not poll in step");
    }

    #[test]
    fn a_reset_starts_again_at_min() {
        let mut backoff = Backoff::new(secs(1), secs(15), Jitter::Off).unwrap();
        let before = take(4, backoff.clone());
        for _ in 0..9 {
            backoff.next_delay();
        }
        backoff.reset();
        assert_eq!(take(4, backoff), before);
    }

    #[test]
    fn bring_closer_shortens_the_next_step_by_the_share() {
        let after = |share: f64| {
            let mut backoff = Backoff::new(secs(1), secs(16), Jitter::Off).unwrap();
            for _ in 0..4 {
                backoff.next_delay();
            }
            backoff.bring_closer(share);
            backoff.next_delay()
        };
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(after), [16, 12, 8, 1].map(secs));
        for odd in [-1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY] {
            assert!((secs(1)..=secs(16)).contains(&after(odd)), "{odd}");
        }
    }

    #[test]
    fn forks_draw_different_delays_inside_the_bounds() {
        let mut backoff = Backoff::new(secs(1), secs(15), Jitter::Seeded(1)).unwrap();
        let firsts: Vec<Duration> = (0..40).map(|_| backoff.fork().next_delay()).collect();
        assert!(firsts.iter().all(|first| (secs(1)..=secs(2)).contains(first)), "{firsts:?}");
        let distinct: HashSet<_> = firsts.iter().map(Duration::as_millis).collect();
        assert!(distinct.len() > 20, "{firsts:?}");
        let exact = Backoff::new(secs(1), secs(15), Jitter::Off).unwrap().fork();
        assert_eq!(take(5, exact), [1, 2, 4, 8, 15].map(secs));
    }

    #[test]
    fn equal_bounds_give_one_fixed_delay() {
        let backoff = Backoff::new(secs(3), secs(3), Jitter::Seeded(1)).unwrap();
        assert_eq!(take(5, backoff), [secs(3); 5]);
    }

    #[test]
    fn invalid_bounds_are_refused() {
        let new = |min, max| Backoff::new(min, max, Jitter::Off).map(drop);
        assert_eq!(new(secs(0), secs(1)), Err(InvalidBackoff::ZeroMinDelay));
        let (min, max) = (secs(2), secs(1));
        assert_eq!(new(min, max), Err(InvalidBackoff::MinAboveMax { min, max }));
    }

    #[test]
    fn bounds_of_any_size_are_kept_without_a_panic() {
        for max in [Duration::from_nanos(1), secs(86_400 * 365), secs(u64::MAX / 4), Duration::MAX]
        {
            let min = Duration::from_nanos(1);
            let delays = take(200, Backoff::new(min, max, Jitter::Seeded(3)).unwrap());
            assert!(delays.iter().all(|delay| (min..=max).contains(delay)));
        }
    }
}
