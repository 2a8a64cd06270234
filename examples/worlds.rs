//! Runs generated worlds against the real waiter and says how many a second.
//!
//! `cargo run --profile fast --example worlds -- --seeds 0..1000000 [--shape rough]`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

#[allow(dead_code, reason = "the exhaustive worlds are another program's")]
#[path = "../tests/worlds/mod.rs"]
mod worlds;

use std::{collections::BTreeMap, ops::Range, process::ExitCode, time::Duration};

use worlds::{Failure, Shape, sights::Sight};

/// A clock is only set so far: each runtime, with its own, serves so many worlds.
const WORLDS_OF_A_RUNTIME: u64 = 10_000;
/// After so many failures there is enough to look at.
const FAILURES_SHOWN: usize = 3;

struct Arguments {
    seeds: Range<u64>,
    shapes: Vec<Shape>,
}

fn arguments() -> Result<Arguments, String> {
    let mut seeds = 0..100_000;
    let mut shapes: Vec<Shape> = Shape::ALL.iter().map(|(shape, _)| *shape).collect();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--seeds" => {
                let (from, to) = value.split_once("..").ok_or("--seeds is FROM..TO")?;
                let number = |text: &str| text.parse().map_err(|_| format!("{text}: no number"));
                seeds = number(from)?..number(to)?;
            }
            "--shape" => shapes = vec![value.parse()?],
            _ => return Err(format!("{word} is no option: --seeds FROM..TO, --shape NAME")),
        }
    }
    Ok(Arguments { seeds, shapes })
}

#[derive(Default)]
struct Totals {
    worlds: u64,
    rounds: u64,
    codes: BTreeMap<u8, u64>,
    sights: BTreeMap<Sight, u64>,
    failures: Vec<Failure>,
    took: Duration,
    cpu: Duration,
}

/// The time on a processor so far, where the system tells it: on a machine that is shared, the
/// wall clock measures the others too.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn rate(worlds: u64, took: Duration, cpu: Duration) -> String {
    let a_second = |time: Duration| u128::from(worlds) * 1_000_000 / time.as_micros().max(1);
    let of_cpu = if cpu.is_zero() { String::new() } else { format!(" ({} of CPU)", a_second(cpu)) };
    format!("{worlds} worlds, {} a second{of_cpu}", a_second(took))
}

/// What a world cost is wall time: the clock of the worlds stands still.
#[expect(clippy::disallowed_methods, reason = "it measures the worlds, not the waits in them")]
fn run(seeds: Range<u64>, every: u64, shape: Shape) -> Totals {
    let mut totals = Totals::default();
    let (began, cpu) = (std::time::Instant::now(), cpu_time());
    let mut seed = seeds.start;
    while seed < seeds.end && totals.failures.len() < FAILURES_SHOWN {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let end = seeds.end.min(seed + every * WORLDS_OF_A_RUNTIME);
        runtime.block_on(async {
            while seed < end && totals.failures.len() < FAILURES_SHOWN {
                match worlds::run(seed, shape).await {
                    Ok(outcome) => {
                        *totals.codes.entry(outcome.code).or_default() += 1;
                        totals.rounds += outcome.rounds as u64;
                        for sight in outcome.sights {
                            *totals.sights.entry(sight).or_default() += 1;
                        }
                    }
                    Err(failure) => totals.failures.push(*failure),
                }
                totals.worlds += 1;
                seed += every;
            }
        });
    }
    totals.took = began.elapsed();
    totals.cpu = cpu_time().zip(cpu).map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
    totals
}

/// The seeds are dealt out to the shapes in turn.
fn main() -> ExitCode {
    let Arguments { seeds, shapes } = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let every = shapes.len() as u64;
    let (mut worlds, mut took, mut cpu, mut failed) = (0, Duration::ZERO, Duration::ZERO, false);
    let mut sights: BTreeMap<Sight, u64> = BTreeMap::new();
    for (place, shape) in (0..).zip(shapes) {
        let totals = run(seeds.start + place..seeds.end, every, shape);
        println!(
            "{shape:>12}: {}, {} rounds, exit codes {:?}",
            rate(totals.worlds, totals.took, totals.cpu),
            totals.rounds,
            totals.codes
        );
        for failure in &totals.failures {
            eprintln!("{failure}\n");
        }
        failed |= !totals.failures.is_empty();
        for (sight, times) in totals.sights {
            *sights.entry(sight).or_default() += times;
        }
        worlds += totals.worlds;
        took += totals.took;
        cpu += totals.cpu;
    }
    println!("worlds that met with: {sights:?}");
    println!("{} on one core, {took:.1?} in all", rate(worlds, took, cpu));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
