//! How long after an instance is ready does a waiter know, and what does that cost in requests?
//!
//! The real `Backoff` and `Policy` in virtual time, beside the schedules of other tools, on the
//! same seeded traces; then a herd of a thousand waiters behind a limit.
//!
//!     cargo bench --bench schedule                 # the tables; plots to benches/plots
//!     cargo bench --bench schedule -- --search     # which other defaults would be as good
//!     cargo bench --bench schedule -- --guard      # our own numbers, for benches/guard.sh
#![expect(clippy::print_stdout, reason = "the tables are what it is run for")]

mod bound;
mod fleet;
mod herd;
mod peer;
mod plot;
mod search;
mod trace;
mod variant;
mod wait;

use std::{env, error::Error, fs, path::Path};

use wait_ready::Jitter;

use peer::PEERS;
use trace::{FAMILIES, Family};
use wait::{Cost, DEFAULTS, Summary};

/// Traces of each kind.
const TRACES: usize = 2_000;
/// Fleets of each kind for the guard.
const GUARD_FLEETS: usize = 12;
/// Fewer, and exactly comparable: every request and every millisecond is counted.
const GUARD_TRACES: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let wants = |option: &str| env::args().any(|argument| argument == option);
    if wants("--guard") {
        guard();
    } else if wants("--search") {
        search::print();
    } else {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/plots");
        fs::create_dir_all(&folder)?;
        for family in &FAMILIES {
            let rows = compare(family);
            print_family(family, &rows);
            let hull = bound::hull(family);
            print_bound(&rows[0].1, &hull);
            let picture = plot::lag_against_requests(family.name, &rows, &hull);
            fs::write(folder.join(format!("schedule-{}.svg", family.name)), picture)?;
        }
        fleet::print();
        herd::print();
        println!("\nThe schedules of the peers:\n");
        for peer in &PEERS {
            println!("- {}: {}", peer.name, peer.about);
        }
    }
    Ok(())
}

/// Ours first, then the peers.
fn compare(family: &Family) -> Vec<(&'static str, Summary)> {
    let traces = family.traces(TRACES);
    let summary = |cost: &dyn Fn(&trace::Trace, u64) -> Cost| {
        let costs: Vec<Cost> =
            traces.iter().zip(0..).map(|(trace, seed)| cost(trace, seed)).collect();
        Summary::of(&costs)
    };
    let ours = summary(&|trace, seed| wait::ours(trace, DEFAULTS, Jitter::Seeded(seed)));
    let peers = PEERS.iter().map(|peer| {
        let cost = |trace: &_, seed| wait::theirs(trace, (peer.start)(seed).as_mut());
        (peer.name, summary(&cost))
    });
    [("wait-ready", ours)].into_iter().chain(peers).collect()
}

/// The first peer that is better on both axes.
fn beaten_by<'a>(ours: &Summary, rows: &[(&'a str, Summary)]) -> Option<&'a str> {
    rows[1..].iter().find(|(_, peer)| peer.beats(ours)).map(|(name, _)| *name)
}

fn print_family(family: &Family, rows: &[(&str, Summary)]) {
    println!("\n### `{}`: {}\n", family.name, family.about);
    println!("| schedule | mean lag | p95 lag | requests | beside wait-ready |");
    println!("|---|---:|---:|---:|---|");
    let ours = rows[0].1;
    for (name, summary) in rows {
        let verdict = if *name == "wait-ready" {
            ""
        } else if summary.beats(&ours) {
            "better on both"
        } else if ours.beats(summary) {
            "worse on both"
        } else if summary.mean_lag < ours.mean_lag {
            "sooner, for more requests"
        } else {
            "later, for fewer requests"
        };
        let Summary { mean_lag, p95_lag, requests } = summary;
        println!("| {name} | {mean_lag:.2} s | {p95_lag:.2} s | {requests:.1} | {verdict} |");
    }
}

/// How far ours is from what no schedule can beat that ignores the status.
fn print_bound(ours: &Summary, hull: &[bound::Point]) {
    let least = bound::at(hull, ours.requests);
    println!(
        "\nThe least lag for {:.1} requests, with the distribution known: {least:.2} s; ours is {:.2} \
         times that.",
        ours.requests,
        ours.mean_lag / least
    );
}

/// Sums over few traces, in whole milliseconds: any change of the pace shows.
fn guard() {
    for family in &FAMILIES {
        let (mut lag, mut requests) = (0, 0);
        for (trace, seed) in family.traces(GUARD_TRACES).iter().zip(0..) {
            let cost = wait::ours(trace, DEFAULTS, Jitter::Seeded(seed));
            (lag, requests) = (lag + cost.lag.as_millis(), requests + cost.requests);
        }
        let rows = compare(family);
        let beaten_by = beaten_by(&rows[0].1, &rows).unwrap_or("nobody");
        println!("schedule {} lag_ms {lag} requests {requests} beaten_by {beaten_by}", family.name);
    }
    for family in &FAMILIES {
        let (mut lag, mut requests) = (0, 0);
        for (fleet, seed) in family.traces(100 * GUARD_FLEETS).chunks(100).zip(0..) {
            let cost = fleet::wait(fleet, fleet::Rule::Product, seed);
            (lag, requests) = (lag + cost.lag.as_millis(), requests + cost.requests);
        }
        println!("fleet {} lag_ms {lag} requests {requests}", family.name);
        let cost = |rule| fleet::measure(family, 1_000, GUARD_FLEETS, rule);
        let ((lag, requests), (never_lag, never)) =
            (cost(fleet::Rule::Product), cost(fleet::Rule::Never));
        let (restart_lag, _) = cost(fleet::Rule::Restart);
        let noise = 2.0 * (lag.error + never_lag.error);
        println!(
            "fleet {} of 1000: cheap {} as soon as without a restart {} close to a restart {}",
            family.name,
            requests.value <= 1.3 * never.value,
            lag.value <= never_lag.value + noise,
            lag.value <= restart_lag.value + 2.0 + noise,
        );
    }
    let (mut lag, mut requests) = (0, 0);
    for (trace, seed) in FAMILIES[1].traces(GUARD_TRACES).iter().zip(0..) {
        let cost = fleet::deletion(trace, seed);
        (lag, requests) = (lag + cost.lag.as_millis(), requests + cost.requests);
    }
    println!("deletion minutes lag_ms {lag} requests {requests}");
    let late: u128 = (0..200).map(|seed| fleet::late_address(seed).lag.as_millis()).sum();
    println!("late address lag_ms {late}");
    let herd = herd::ours();
    println!("herd all_ms {} refused {}", herd.all_after.as_millis(), herd.refused);
    let herd = herd::of_ours(60, 1_200);
    println!("herd by minutes all_ms {} peak {}", herd.all_after.as_millis(), herd.peak);
}
