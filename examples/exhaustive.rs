//! Waits in every world up to a size and says how many they were.
//!
//! `cargo run --profile fast --example exhaustive -- --length 5`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

#[allow(dead_code, reason = "the generated worlds are another program's")]
#[path = "../tests/worlds/mod.rs"]
mod worlds;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use worlds::{
    alphabet::Letter,
    exhaustive::{Failure, Plan, wait_in_all},
};

/// How many observations of each instance, in each part.
struct Lengths {
    whole: usize,
    reduced: usize,
    two: usize,
    loop_only: usize,
}

struct Part {
    name: &'static str,
    plans: Vec<Plan>,
    run: fn(&Plan, usize) -> Result<u64, Box<Failure>>,
}

fn main() -> ExitCode {
    let _ = BTreeMap::<u8, u8>::new();
    let _ = Mutex::new(0);
    let _ = AtomicUsize::new(0).load(Ordering::Relaxed);
    let length: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let mut n = 0;
    for plan in Plan::for_one(&Letter::all(), length) {
        let t = std::time::Instant::now();
        let mut m = 0;
        for f in 0..plan.first_letters() {
            match wait_in_all(&plan, f) { Ok(k) => m += k, Err(e) => { eprintln!("{e}"); return ExitCode::FAILURE; } }
        }
        println!("{} {m} {:?}", plan.name, t.elapsed());
        n += m;
    }
    println!("{n} {:?}", t.elapsed());
    ExitCode::SUCCESS
}
