//! How long after an instance is ready does a waiter know, and what does that cost in requests?
//!
//! The real `Backoff` and `Policy` in virtual time, beside the schedules of other tools, on the
//! same seeded traces; then a herd of a thousand waiters behind a limit.
//!
//!     cargo bench --bench schedule                 # the tables; plots to benches/plots
//!     cargo bench --bench schedule -- --search     # which other defaults would be as good
//!     cargo bench --bench schedule -- --guard      # our own numbers, for benches/guard.sh
#![expect(clippy::print_stdout, reason = "the tables are what it is run for")]

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
            let picture = plot::lag_against_requests(family.name, &rows);
            fs::write(folder.join(format!("schedule-{}.svg", family.name)), picture)?;
        }
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
    let herd = herd::ours();
    println!("herd all_ms {} refused {}", herd.all_after.as_millis(), herd.refused);
}
