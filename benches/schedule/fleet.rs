//! Fleets whose instances become ready at different times: what does a change of one cost all, and
//! how soon is the last one known?

use std::time::Duration;

use wait_ready::{
    Answer, Backoff, Deadline, InstanceId, Jitter, Policy, Rules, Status, wait::pace::Decision,
};

use crate::{
    trace::{FAMILIES, Family, Trace},
    wait::{DEFAULTS, MAX_WAIT, ROUND_TRIP, describe},
};

/// The sizes of fleets that are compared.
pub(crate) const SIZES: [usize; 4] = [1, 8, 100, 1_000];
/// Instances on one page of the list.
const PAGE: usize = 100;

/// What a change of one instance does to the schedule of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It starts again, whoever has changed.
    Restart,
    /// Nothing.
    Never,
    /// What the product does: the next step is shorter by the share of those still waiting that
    /// have changed.
    Product,
}

impl Rule {
    pub(crate) const ALL: [(Self, &'static str); 3] = [
        (Self::Product, "wait-ready"),
        (Self::Restart, "restart on any change"),
        (Self::Never, "no restart"),
    ];
}

/// What one fleet cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From the moment the last one was ready until all were known.
    pub(crate) lag: Duration,
    pub(crate) requests: usize,
}

/// Requests of a round that asks about so many of a fleet: pages or single requests, whichever is
/// fewer.
fn requests(asked: usize, fleet: usize) -> usize {
    asked.min(fleet.div_ceil(PAGE))
}

/// One wait for all of `traces`.
pub(crate) fn wait(traces: &[Trace], rule: Rule, seed: u64) -> Cost {
    let ready_at = traces.iter().map(Trace::ready_at).max().unwrap_or_default();
    let (known_at, requests) = match rule {
        Rule::Product => by_policy(traces, seed),
        rule => by_rule(traces, rule, seed),
    };
    Cost { lag: known_at.saturating_sub(ready_at), requests }
}

fn backoff(seed: u64) -> Backoff {
    Backoff::new(DEFAULTS.0, DEFAULTS.1, Jitter::Seeded(seed)).expect("bounds")
}

fn by_policy(traces: &[Trace], seed: u64) -> (Duration, usize) {
    let ids: Vec<InstanceId> =
        (0..traces.len()).map(|n| InstanceId::new(&format!("i{n}")).expect("a name")).collect();
    let place = |id: &InstanceId| id.as_str()[1..].parse::<usize>().expect("a number");
    let rules = Rules { deadline: Deadline::After(MAX_WAIT), ..Rules::default() };
    let mut policy = Policy::new(rules, backoff(seed), ids);
    let (mut now, mut sent) = (Duration::ZERO, 0);
    while let Decision::PollAt(at, _) = policy.decide() {
        let asked_at = at.max(now);
        now = asked_at + ROUND_TRIP;
        let mut round = policy.begin_round(asked_at);
        sent += requests(round.len(), traces.len());
        for number in 0..round.len() {
            let id = round.id(number).clone();
            let status = traces[place(&id)].status_at(asked_at + ROUND_TRIP / 2);
            round.answer(number, Ok(describe(&id, status)));
        }
        policy.record(round, now, &mut ());
    }
    assert!(policy.watches().iter().all(wait_ready::Watch::is_met), "nobody gives up");
    (now, sent)
}

fn by_rule(traces: &[Trace], rule: Rule, seed: u64) -> (Duration, usize) {
    let mut backoff = backoff(seed);
    let mut statuses: Vec<Option<Status>> = vec![None; traces.len()];
    let mut waiting: Vec<usize> = (0..traces.len()).collect();
    let (mut now, mut sent) = (Duration::ZERO, 0);
    loop {
        let looked_at = now + ROUND_TRIP / 2;
        now += ROUND_TRIP;
        sent += requests(waiting.len(), traces.len());
        let mut changed = false;
        for &number in &waiting {
            let status = traces[number].status_at(looked_at);
            changed |= statuses[number].replace(status.clone()) != Some(status);
        }
        waiting.retain(|&number| statuses[number] != Some(Status::Ready));
        if waiting.is_empty() && traces.len() == 1 {
            return (now, sent);
        }
        if waiting.is_empty() {
            // Those that were ready long before the last one are looked at once more.
            let confirmed_at = now + DEFAULTS.0 + ROUND_TRIP;
            return (confirmed_at, sent + requests(traces.len() - 1, traces.len()));
        }
        if rule == Rule::Restart && changed {
            backoff.reset();
        }
        now += backoff.next_delay();
    }
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Mean {
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let value = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|v| (v - value).powi(2)).sum();
        Self { value, error: (squares / (count - 1.0) / count).sqrt() }
    }
}

/// The mean lag in seconds, and the mean requests, of so many fleets.
pub(crate) fn measure(family: &Family, size: usize, fleets: usize, rule: Rule) -> (Mean, Mean) {
    let traces = family.traces(size * fleets);
    let costs: Vec<Cost> =
        traces.chunks(size).zip(0..).map(|(fleet, seed)| wait(fleet, rule, seed)).collect();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let requests: Vec<f64> = costs.iter().map(|cost| cost.requests as f64).collect();
    let lags: Vec<f64> = costs.iter().map(|cost| cost.lag.as_secs_f64()).collect();
    (Mean::of(&lags), Mean::of(&requests))
}

/// Fleets of each size: fewer of the larger ones.
pub(crate) fn fleets(size: usize) -> usize {
    match size {
        1 => 2_000,
        8 => 1_000,
        100 => 200,
        _ => 60,
    }
}

/// The table.
pub(crate) fn print() {
    println!("\n### Fleets: instances that become ready at different times\n");
    println!("| kind | instances | rule | the last one is known after | requests |");
    println!("|---|---:|---|---:|---:|");
    for family in &FAMILIES {
        for size in SIZES {
            for (rule, name) in Rule::ALL {
                let (lag, requests) = measure(family, size, fleets(size), rule);
                println!(
                    "| {} | {size} | {name} | {:.2} s ± {:.2} | {:.1} ± {:.1} |",
                    family.name, lag.value, lag.error, requests.value, requests.error
                );
            }
        }
    }
    deletions();
    late_addresses();
}

/// One wait of one instance, which is answered for as it is at each moment.
fn wait_for_one(rules: Rules, seed: u64, answer: impl Fn(&InstanceId, Duration) -> Answer) -> Cost {
    let id = InstanceId::new("inst_bench").expect("a name");
    let rules = Rules { deadline: Deadline::After(MAX_WAIT), ..rules };
    let mut policy = Policy::new(rules, backoff(seed), [id.clone()]);
    let (mut now, mut requests) = (Duration::ZERO, 0);
    while let Decision::PollAt(at, _) = policy.decide() {
        let asked_at = at.max(now);
        now = asked_at + ROUND_TRIP;
        requests += 1;
        let mut round = policy.begin_round(asked_at);
        round.answer(0, answer(&id, asked_at + ROUND_TRIP / 2));
        policy.record(round, now, &mut ());
    }
    Cost { lag: now, requests }
}

impl Cost {
    fn since(self, moment: Duration) -> Self {
        Self { lag: self.lag.saturating_sub(moment), ..self }
    }
}

/// How late a deletion is known, and for how many requests.
pub(crate) fn deletion(trace: &Trace, seed: u64) -> Cost {
    let gone_at = trace.ready_at();
    let rules = Rules { condition: wait_ready::Condition::Deleted, ..Rules::default() };
    let cost = wait_for_one(rules, seed, |id, at| {
        if at < gone_at {
            Ok(describe(id, Status::Stopped))
        } else {
            let answer = wait_ready::answer::poll_error::ServerError::bare(404);
            Err(wait_ready::PollError::from_answer(answer, None, None))
        }
    });
    cost.since(gone_at)
}

fn deletions() {
    println!("\n| kind | a deletion is known after | requests |\n|---|---:|---:|");
    for family in &FAMILIES {
        let costs: Vec<Cost> = family
            .traces(fleets(1))
            .iter()
            .zip(0..)
            .map(|(trace, seed)| deletion(trace, seed))
            .collect();
        let lags: Vec<f64> = costs.iter().map(|cost| cost.lag.as_secs_f64()).collect();
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let requests: Vec<f64> = costs.iter().map(|cost| cost.requests as f64).collect();
        let (lag, requests) = (Mean::of(&lags), Mean::of(&requests));
        println!(
            "| {} | {:.2} s ± {:.2} | {:.1} |",
            family.name, lag.value, lag.error, requests.value
        );
    }
}

/// Ready at once, an address 20 s later, and three polls that have to agree on it.
pub(crate) fn late_address(seed: u64) -> Cost {
    let comes_at = Duration::from_secs(20);
    let stable = 3.try_into().expect("more than none");
    let cost = wait_for_one(Rules { stable, ..Rules::default() }, seed, |id, at| {
        let mut instance = describe(id, Status::Ready);
        instance.ip = instance.ip.filter(|_| at >= comes_at);
        Ok(instance)
    });
    cost.since(comes_at)
}

fn late_addresses() {
    let costs: Vec<Cost> = (0..2_000).map(late_address).collect();
    let lags: Vec<f64> = costs.iter().map(|cost| cost.lag.as_secs_f64()).collect();
    let lag = Mean::of(&lags);
    println!(
        "\nAn address that comes 20 s after `ready`, with `--stable 3`: known {:.2} s ± {:.2} later.",
        lag.value, lag.error
    );
}
