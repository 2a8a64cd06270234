//! A thousand waiters behind one limit: how soon do all know, how much is refused, who is last?

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use fastrand::Rng;
use wait_ready::{
    Backoff, Deadline, InstanceId, Jitter, Policy, Rules, Status,
    answer::{
        hint::{Hint, HintHeader},
        poll_error::{PollError, ServerError},
    },
    wait::pace::Decision,
};

use crate::{
    peer::{Fixed, Moment, Schedule, Smithy},
    wait::{DEFAULTS, MAX_WAIT, ROUND_TRIP, describe},
};

const WAITERS: usize = 1_000;
/// Requests that the API answers in one second, on average over a window.
const LIMIT: u32 = 20;
/// Every instance is ready then; the waiters start within the first second.
const READY_AT: Duration = Duration::from_secs(150);
/// Instances on one page of the list.
const PAGE: usize = 100;

/// The API: counts requests by the window; more than the limit are refused until the next one
/// begins.
struct Api {
    /// In seconds.
    window: u64,
    number: u64,
    used: u32,
    answered: u32,
    refused: u32,
    second: u64,
    in_second: u32,
    peak: u32,
}

impl Api {
    fn new(window: u64) -> Self {
        Self {
            window,
            number: 0,
            used: 0,
            answered: 0,
            refused: 0,
            second: 0,
            in_second: 0,
            peak: 0,
        }
    }

    /// How long this request is asked to wait, if it is one too many: until the window ends, in
    /// whole seconds, which is the least that a header can say.
    fn refuses(&mut self, now: Duration) -> Option<u64> {
        let number = now.as_secs() / self.window;
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
        if now.as_secs() != self.second {
            (self.second, self.in_second) = (now.as_secs(), 0);
        }
        self.in_second += 1;
        // Nobody has been refused yet when all start together.
        if self.refused > 0 && now.as_secs() > 1 {
            self.peak = self.peak.max(self.in_second);
        }
        self.used += 1;
        let refused = u64::from(self.used) > self.window * u64::from(LIMIT);
        *(if refused { &mut self.refused } else { &mut self.answered }) += 1;
        refused.then(|| (number + 1) * self.window - now.as_secs())
    }

    fn status(now: Duration) -> Status {
        if now < READY_AT { Status::Provisioning } else { Status::Ready }
    }
}

/// One waiter: is told what its requests brought, says when it sends the next.
trait Waiter {
    /// Sends at `now`; when it asks again, or none when it knows.
    fn poll(&mut self, api: &mut Api, now: Duration) -> Option<Duration>;
}

/// The real policy, for one instance or for many.
struct Ours(Policy);

impl Ours {
    fn new(first: usize, count: usize, jitter: Jitter) -> Self {
        let ids =
            (first..first + count).map(|n| InstanceId::new(&format!("inst_{n}")).expect("a name"));
        let backoff = Backoff::new(DEFAULTS.0, DEFAULTS.1, jitter).expect("bounds");
        Self(Policy::new(
            Rules { deadline: Deadline::After(MAX_WAIT), ..Rules::default() },
            backoff,
            ids,
        ))
    }
}

impl Waiter for Ours {
    fn poll(&mut self, api: &mut Api, now: Duration) -> Option<Duration> {
        let mut round = self.0.begin_round(now);
        let mut refused = None;
        for place in 0..round.len() {
            if place % PAGE == 0 {
                // After a refusal the rest of the listing is left for the next round.
                refused = refused.or_else(|| api.refuses(now));
            }
            let answer = match refused {
                Some(seconds) => {
                    let wait = Duration::from_secs(seconds);
                    let hint = Hint { wait, header: HintHeader::RetryAfter };
                    Err(PollError::from_answer(ServerError::bare(429), Some(hint), None))
                }
                None => Ok(describe(round.id(place), Api::status(now))),
            };
            round.answer(place, answer);
        }
        self.0.record(round, now + ROUND_TRIP, &mut ());
        match self.0.decide() {
            Decision::PollAt(at, _) | Decision::GiveUpAt(at) => Some(at),
            _ => None,
        }
    }
}

/// A schedule that takes a refusal for "not yet": it reads no hints.
struct Theirs(Box<dyn Schedule>);

impl Waiter for Theirs {
    fn poll(&mut self, api: &mut Api, now: Duration) -> Option<Duration> {
        let refused = api.refuses(now).is_some();
        let answered_at = now + ROUND_TRIP;
        if !refused && Api::status(now) == Status::Ready {
            return None;
        }
        let moment = Moment { elapsed: answered_at, max_wait: MAX_WAIT, changed: false };
        Some(answered_at + self.0.delay(&moment))
    }
}

/// Ours as it was: those that are refused together come back together.
struct Unspread(Backoff);

impl Waiter for Unspread {
    fn poll(&mut self, api: &mut Api, now: Duration) -> Option<Duration> {
        let refused = api.refuses(now);
        let answered_at = now + ROUND_TRIP;
        if refused.is_none() && Api::status(now) == Status::Ready {
            return None;
        }
        let hint = Duration::from_secs(refused.unwrap_or_default());
        Some(answered_at + self.0.next_delay().max(hint))
    }
}

/// How it went for all.
pub(crate) struct Outcome {
    /// From ready until the last one knew.
    pub(crate) all_after: Duration,
    /// From ready until half of them knew.
    pub(crate) median: Duration,
    pub(crate) answered: u32,
    pub(crate) refused: u32,
    /// The most requests in one second.
    pub(crate) peak: u32,
}

fn run(window: u64, mut waiters: Vec<Box<dyn Waiter>>) -> Outcome {
    let mut api = Api::new(window);
    let mut rng = Rng::with_seed(1);
    let mut agenda: BinaryHeap<Reverse<(Duration, usize)>> = (0..waiters.len())
        .map(|waiter| Reverse((Duration::from_micros(rng.u64(0..1_000_000)), waiter)))
        .collect();
    // A waiter counts its time from its own start.
    let mut started = vec![Duration::ZERO; waiters.len()];
    for Reverse((at, waiter)) in &agenda {
        started[*waiter] = *at;
    }
    let mut lags = Vec::new();
    while let Some(Reverse((now, number))) = agenda.pop() {
        let next = waiters[number].poll(&mut api, now);
        match next {
            Some(at) => agenda.push(Reverse((at.max(now), number))),
            None => lags.push((now + ROUND_TRIP).saturating_sub(READY_AT)),
        }
    }
    lags.sort_unstable();
    Outcome {
        all_after: lags[lags.len() - 1],
        median: lags[lags.len() / 2],
        answered: api.answered,
        refused: api.refused,
        peak: api.peak,
    }
}

fn boxed<W: Waiter + 'static>(count: usize, start: impl Fn(u64) -> W) -> Vec<Box<dyn Waiter>> {
    (0..count as u64).map(|seed| Box::new(start(seed)) as Box<dyn Waiter>).collect()
}

/// A thousand processes of ours.
pub(crate) fn ours() -> Outcome {
    of_ours(1, WAITERS)
}

/// So many processes of ours, behind a limit by windows of so many seconds.
pub(crate) fn of_ours(window: u64, count: usize) -> Outcome {
    run(
        window,
        boxed(count, |seed| {
            Ours::new(usize::try_from(seed).unwrap_or_default(), 1, Jitter::Seeded(seed))
        }),
    )
}

/// The table.
pub(crate) fn print() {
    println!(
        "\n### Herd: {WAITERS} waiters, {LIMIT} requests a second, all ready at the same moment\n"
    );
    println!(
        "| waiters | half know after | all know after | worst / median | requests | refused |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    let row = |name: &str, outcome: &Outcome| {
        let Outcome { all_after, median, answered, refused, .. } = outcome;
        let (all, half) = (all_after.as_secs_f64(), median.as_secs_f64());
        let sent = answered + refused;
        let share = 100.0 * f64::from(*refused) / f64::from(sent);
        println!(
            "| {name} | {half:.1} s | {all:.1} s | {:.1} | {sent} | {refused} ({share:.0} %) |",
            all / half
        );
    };
    row("wait-ready, 1,000 processes", &ours());
    let in_step = |seed| Ours::new(usize::try_from(seed).unwrap_or_default(), 1, Jitter::Off);
    row("the same without jitter", &run(1, boxed(WAITERS, in_step)));
    row(
        "wait-ready, 1 process for 1,000",
        &run(1, vec![Box::new(Ours::new(0, WAITERS, Jitter::Seeded(1)))]),
    );
    row("smithy", &run(1, boxed(WAITERS, |seed| Theirs(Box::new(Smithy::new(seed))))));
    row("every 5 s", &run(1, boxed(WAITERS, |_| Theirs(Box::new(Fixed(Duration::from_secs(5)))))));
    row(
        "every 15 s",
        &run(1, boxed(WAITERS, |_| Theirs(Box::new(Fixed(Duration::from_secs(15)))))),
    );
    print_windows();
}

/// The table of windows of a minute.
fn print_windows() {
    println!(
        "\nWindows of a minute, {} requests each; a refusal names the end of its window:\n",
        60 * LIMIT
    );
    println!("| waiters | schedule | most requests in a second | all know after | refused |");
    println!("|---:|---|---:|---:|---:|");
    for count in [1_200, 4_000] {
        let unspread = |seed| {
            let jitter = Jitter::Seeded(seed);
            Unspread(Backoff::new(DEFAULTS.0, DEFAULTS.1, jitter).expect("bounds"))
        };
        let rows = [
            ("wait-ready", of_ours(60, count)),
            ("the same, hints not spread", run(60, boxed(count, unspread))),
        ];
        for (name, Outcome { all_after, peak, refused, .. }) in rows {
            println!(
                "| {count} | {name} | {peak} | {:.1} s | {refused} |",
                all_after.as_secs_f64()
            );
        }
    }
}
