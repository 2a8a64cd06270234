//! Serves a simulated API for benchmarks, containers, and tests in any language.
//!
//! `cargo run --example simulated_api -- SCRIPT ID…` prints two lines that a shell can source, and
//! serves until its standard input ends; then a third line has the number of requests.
#![expect(clippy::print_stdout, reason = "the lines are what it is run for")]

use std::{env, error::Error};

use tokio::io::{AsyncReadExt as _, stdin};
use wait_ready::{
    InstanceId,
    simulate::{server::SimulatedApi, simulation::Simulation},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let script = arguments.next().ok_or("usage: simulated_api SCRIPT ID…")?.parse()?;
    let ids = arguments.map(|id| InstanceId::new(&id)).collect::<Result<Vec<_>, _>>()?;
    let api = SimulatedApi::start(Simulation::new(script, ids)).await?;
    println!("FAL_API_URL={}\nFAL_KEY={}", api.url(), api.key());
    let mut buffer = [0; 256];
    while stdin().read(&mut buffer).await? > 0 {}
    println!("REQUESTS={}", api.snapshot().requests().len());
    Ok(())
}
