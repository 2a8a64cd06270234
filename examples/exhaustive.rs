//! Waits in every world up to a size, by the real loop, and says how many they were; the smallest
//! that fails is printed by itself.
//!
//! `cargo run --profile fast --example exhaustive -- --length 5`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

#[allow(dead_code, reason = "the generated worlds are another program's")]
#[path = "../tests/worlds/mod.rs"]
mod worlds;

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use worlds::{
    alphabet::Letter,
    exhaustive::{wait_in_all, wait_in_one},
    failure::Failure,
    plan::{Pace, Plan},
    tree::branch_through,
};

/// Worlds of one kind, and how many observations of each instance they have.
struct Part {
    name: &'static str,
    plans: Vec<Plan>,
}

/// In every so many worlds of a tree the real loop waits too.
const BY_LOOP_EVERY: u64 = 101;

/// The parts for a length of the whole alphabet at one pace; the others are larger in one way and
/// smaller in another.
fn parts(length: usize) -> Vec<Part> {
    let shorter = length.saturating_sub(1).max(1);
    let at = |paces: &'static [Pace], letters: &[Letter], length| {
        let plans = Plan::for_one(letters, length);
        plans.into_iter().filter(|plan| paces.contains(&plan.pace)).collect::<Vec<_>>()
    };
    let (whole, reduced, few) = (Letter::all(), Letter::one_of_each_verdict(), Letter::few());
    // That polls have to agree is a matter of one instance: for two, it is gone through a size smaller.
    let two_of = length.saturating_sub(2).clamp(1, 3);
    let two = Plan::for_two(&few, two_of).into_iter();
    let two = two.filter(|plan| two_of < 3 || plan.options.stable == 1);
    let late = Plan::for_one(&reduced, shorter).into_iter().map(|plan| plan.with_latency(300));
    vec![
        Part {
            name: "whole alphabet, quick",
            plans: at(&[Pace::Quick, Pace::Short, Pace::Once], &whole, length),
        },
        Part { name: "whole alphabet, slow", plans: at(&[Pace::Slow], &whole, length) },
        Part {
            name: "one of each verdict",
            plans: at(&[Pace::Quick, Pace::Slow], &reduced, length + 1)
                .into_iter()
                .map(|plan| plan.with_attempts(3))
                .collect(),
        },
        Part { name: "rounds that take time", plans: late.collect() },
        Part {
            name: "two, one of each verdict",
            plans: Plan::for_two(&reduced, length.saturating_sub(3).max(1)),
        },
        Part { name: "two, few letters", plans: two.collect() },
    ]
}

/// What waits in each world.
#[derive(Clone, Copy)]
enum By {
    /// The real loop.
    Loop,
    /// The policy alone, where that can be: for one instance.
    Tree,
}

/// Goes through the worlds of `plans` on so many threads; how many they were.
fn run(plans: &[Plan], threads: usize, by: By) -> Result<u64, Box<Failure>> {
    let jobs: Vec<(&Plan, usize)> = plans
        .iter()
        .flat_map(|plan| (0..plan.first_letters()).map(move |first| (plan, first)))
        .collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<(u64, Vec<Box<Failure>>)> = Mutex::default();
    let work = || {
        while let Some((plan, first)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            let outcome = match by {
                By::Tree if plan.instances == 1 => branch_through(plan, *first, BY_LOOP_EVERY),
                By::Tree | By::Loop => wait_in_all(plan, *first),
            };
            let mut done = done.lock().expect("no one panicked");
            match outcome {
                Ok(worlds) => done.0 += worlds,
                Err(failure) => {
                    failed.store(true, Ordering::Relaxed);
                    done.1.push(failure);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (worlds, failures) = done.into_inner().expect("no one panicked");
    let smallest = failures.into_iter().min_by(|a, b| a.size().cmp(&b.size()));
    smallest.map_or(Ok(worlds), Err)
}

struct Arguments {
    length: usize,
    threads: usize,
    replay: Option<(String, Vec<usize>)>,
}

fn arguments() -> Result<Arguments, String> {
    let (mut length, mut threads, mut name, mut tape) = (4, 2, None, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = |text: &str| text.trim().parse().map_err(|_| format!("{text}: no number"));
        match word.as_str() {
            "--length" => length = number(&value)?,
            "--threads" => threads = number(&value)?,
            "--plan" => name = Some(value),
            "--tape" => tape = value.split(',').map(number).collect::<Result<_, _>>()?,
            _ => return Err(format!("{word} is no option: --length, --threads, --plan, --tape")),
        }
    }
    let replay = name.map(|name| (name, tape));
    Ok(Arguments { length, threads, replay })
}

/// What a world cost is wall time: the clock of the worlds stands still.
#[expect(clippy::disallowed_methods, reason = "it measures the worlds, not the waits in them")]
fn all(length: usize, threads: usize) -> Result<(), Box<Failure>> {
    let began = std::time::Instant::now();
    let mut total = 0;
    // The shorter ones first, so that the first one that fails is the smallest.
    for shorter in 1..length {
        for Part { plans, .. } in parts(shorter) {
            total += run(&plans, threads, By::Loop)?;
        }
    }
    println!("up to length {}: {total} worlds", length - 1);
    for Part { name, plans } in parts(length) {
        let (began, observations) = (std::time::Instant::now(), plans[0].length);
        let worlds = run(&plans, threads, By::Tree)?;
        let took: Duration = began.elapsed();
        println!("{name:>24}: {worlds} worlds of {observations} observations, {took:.1?}");
        total += worlds;
    }
    println!("{total} worlds on {threads} threads, {:.1?} in all, none failed", began.elapsed());
    Ok(())
}

fn replay(name: &str, tape: &[usize]) -> Result<(), Box<Failure>> {
    let lengths = 1..8;
    let plans = lengths.flat_map(parts).flat_map(|part| part.plans);
    for plan in plans.filter(|plan| plan.id() == name).take(1) {
        wait_in_one(&plan, tape)?;
        println!("{name} with {tape:?} is as the contract says");
    }
    Ok(())
}

fn main() -> ExitCode {
    let outcome = match arguments() {
        Ok(Arguments { replay: Some((name, tape)), .. }) => replay(&name, &tape),
        Ok(Arguments { length, threads, .. }) => all(length.max(1), threads),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
