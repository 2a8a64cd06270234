//! What no schedule can beat: optimal inspection with the distribution known (Barlow, Hunter and
//! Proschan 1963, "Optimum checking procedures"), by dynamic programming.
//!
//! The schedule knows how long instances of this kind take, though not how long this one will, and
//! ignores the status. Like every other it looks once at the start. For a price per request the
//! best such schedule is found exactly, among those that ask at multiples of [`STEP`]; over all
//! prices they form the lower convex hull of what is possible.

use crate::{trace::Family, wait::ROUND_TRIP};

/// Draws that stand for the distribution: with few of them a schedule could learn each by heart.
const DRAWS: usize = 200_000;
/// Seconds between two moments at which it may ask.
const STEP: f64 = 0.5;
/// Prices of a request, in seconds of lag, from the highest.
const PRICES: i32 = 50;

/// One schedule of the hull: requests for one wait, and its mean lag in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) requests: f64,
    pub(crate) lag: f64,
}

/// How many instances are ready by each multiple of [`STEP`], and the sum of when.
struct Distribution {
    count: Vec<f64>,
    sum: Vec<f64>,
}

impl Distribution {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below an hour")]
    fn of(family: &Family) -> Self {
        let ready =
            family.traces(DRAWS).iter().map(|t| t.ready_at().as_secs_f64()).collect::<Vec<_>>();
        let bin = |at: f64| (at / STEP).ceil() as usize;
        let bins = ready.iter().map(|at| bin(*at)).max().unwrap_or_default() + 1;
        let (mut count, mut sum) = (vec![0.0; bins], vec![0.0; bins]);
        for at in ready {
            count[bin(at)] += 1.0;
            sum[bin(at)] += at;
        }
        for bin in 1..bins {
            count[bin] += count[bin - 1];
            sum[bin] += sum[bin - 1];
        }
        Self { count, sum }
    }

    fn all(&self) -> f64 {
        self.count[self.count.len() - 1]
    }

    /// The instances that are not ready by a bin.
    fn left(&self, bin: usize) -> f64 {
        self.all() - self.count[bin]
    }

    /// The lag of all that become ready between two looks.
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    fn lag(&self, from: usize, to: usize) -> f64 {
        let found = self.count[to] - self.count[from];
        to as f64 * STEP * found - (self.sum[to] - self.sum[from])
    }
}

/// The hull of a kind of traces, from few requests to many.
pub(crate) fn hull(family: &Family) -> Vec<Point> {
    let distribution = Distribution::of(family);
    (0..PRICES).rev().map(|n| best(&distribution, 0.05 * 1.2f64.powi(n))).collect()
}

/// The schedule that costs least when a request costs as much as so many seconds of lag.
fn best(distribution: &Distribution, price: f64) -> Point {
    let last = distribution.count.len() - 1;
    // cost[n]: what is still to be paid after a look at n.
    let mut cost = vec![0.0; last + 1];
    let mut next = vec![last; last + 1];
    for from in (0..last).rev() {
        let request = price * distribution.left(from);
        cost[from] = f64::INFINITY;
        for to in from + 1..=last {
            let total = request + distribution.lag(from, to) + cost[to];
            if total < cost[from] {
                (cost[from], next[from]) = (total, to);
            }
        }
    }
    let (mut at, mut requests, mut lag) = (0, distribution.all(), 0.0);
    while at < last && distribution.left(at) > 0.0 {
        requests += distribution.left(at);
        lag += distribution.lag(at, next[at]);
        at = next[at];
    }
    let all = distribution.all();
    // The API looks at the instance half-way, and the other half is always paid.
    Point { requests: requests / all, lag: lag / all + (ROUND_TRIP / 2).as_secs_f64() }
}

/// The lag of the hull at so many requests.
pub(crate) fn at(hull: &[Point], requests: f64) -> f64 {
    let after = hull.iter().position(|point| point.requests >= requests);
    match after {
        None => hull.last().map_or(0.0, |point| point.lag),
        Some(0) => hull[0].lag,
        Some(after) => {
            let (a, b) = (hull[after - 1], hull[after]);
            let part = (requests - a.requests) / (b.requests - a.requests);
            a.lag + part * (b.lag - a.lag)
        }
    }
}
