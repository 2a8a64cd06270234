//! Generated worlds against the real waiter and policy under a paused clock.
//!
//! A seed decides a world: how each instance fares, how bad the weather is between, what is
//! waited for. [`run`] waits in it and holds the outcome against [`oracle`], which reads the
//! contract naively, and the pace of the polls against [`pace`].

pub(crate) mod alphabet;
mod answers;
mod checks;
pub(crate) mod exhaustive;
mod oracle;
mod pace;
mod rng;
mod source;
mod tape;
mod world;

use std::{
    fmt,
    num::NonZeroU32,
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

use wait_ready::{
    answer::instance::InstanceId,
    wait::{
        backoff::{Backoff, Jitter},
        condition::Condition,
        policy::Policy,
        rules::Rules,
        waiter::Waiter,
    },
};

use source::{Event, Log, WorldProbe, WorldSource};
use world::{Goal, Options, World};

/// How a world is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One instance that gets there by the book.
    Simple,
    /// One instance, any path, any weather.
    Rough,
    /// The same, and its address has to be reached.
    Probed,
    /// The same as rough, with answers as JSON.
    Wire,
    /// Several instances.
    Fleet,
    /// Several instances, and their addresses have to be reached.
    ProbedFleet,
    /// Several instances, answered for by pages of a list, as JSON.
    Pages,
}

impl Shape {
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Simple, "simple"),
        (Self::Rough, "rough"),
        (Self::Probed, "probed"),
        (Self::Wire, "wire"),
        (Self::Fleet, "fleet"),
        (Self::ProbedFleet, "probed-fleet"),
        (Self::Pages, "pages"),
    ];
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = Self::ALL.iter().find(|(shape, _)| shape == self).expect("listed");
        f.pad(name)
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = Self::ALL.iter().find(|(_, name)| *name == text).map(|(shape, _)| *shape);
        shape.ok_or_else(|| format!("{text:?} is no shape of a world"))
    }
}

/// A world in which the waiter did not do what the contract says.
pub(crate) struct Failure {
    shape: Shape,
    world: World,
    history: Vec<Event>,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, world, history, what } = self;
        writeln!(f, "{world:#?}")?;
        for event in history {
            writeln!(f, "  {event:?}")?;
        }
        let (seed, after) = (world.seed, world.seed + 1);
        write!(
            f,
            "world {seed} of shape {shape}: {what}\nreplay: cargo run --release --example worlds \
             -- --shape {shape} --seeds {seed}..{after}"
        )
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What came of a world in which all was right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// The exit code.
    pub(crate) code: u8,
    /// How many rounds of polls it took.
    pub(crate) rounds: usize,
}

/// Waits in the world of this seed. The clock has to be tokio's, and paused.
pub(crate) async fn run(seed: u64, shape: Shape) -> Result<Outcome, Box<Failure>> {
    let (world, rng) = World::new(seed, shape);
    let ids: Vec<InstanceId> = names().take(world.paths.len()).collect();
    let events = Arc::new(Mutex::new(Vec::with_capacity(64)));
    let log = Log::new(events);
    let policy = Policy::new(rules(&world.options), backoff(&world.options, seed), ids.iter().cloned());
    let source = WorldSource::new(&world, &ids, log.clone(), rng);
    let horizon = world.options.max_wait + 1;
    let probe = WorldProbe { seed, horizon, log: log.clone() };
    let mut waiter = Waiter::new(source, probe, policy);
    let outcome = waiter.wait(&mut log.clone()).await;
    let history = std::mem::take(&mut *log.events());
    match checks::check(&world.options, &history, &outcome) {
        Ok(outcome) => Ok(outcome),
        Err(what) => {
            drop(waiter);
            Err(Box::new(Failure { shape, world, history, what }))
        }
    }
}

fn names() -> impl Iterator<Item = InstanceId> {
    ["i0", "i1", "i2", "i3", "i4", "i5"].iter().map(|name| InstanceId::new(name).expect("an id"))
}

fn backoff(options: &Options, seed: u64) -> Backoff {
    let Options { min, max, jitter, .. } = *options;
    let jitter = if jitter { Jitter::Seeded(seed) } else { Jitter::Off };
    let (min, max) = (Duration::from_millis(min), Duration::from_millis(max));
    Backoff::new(min, max, jitter).expect("bounds in order")
}

fn rules(options: &Options) -> Rules {
    let budgets = options.budgets.iter();
    Rules {
        condition: match options.goal {
            Goal::Ready => Condition::Ready,
            Goal::Probed => Condition::Tcp { port: 22 },
            Goal::Stopped => Condition::Stopped,
            Goal::Deleted => Condition::Deleted,
        },
        deadline: Duration::from_millis(options.max_wait).into(),
        not_found_grace: Duration::from_millis(options.grace),
        stable: u32::try_from(options.stable).ok().and_then(NonZeroU32::new).expect("from 1"),
        budgets: budgets.map(|(s, ms)| ((*s).into(), Duration::from_millis(*ms))).collect(),
        any: options.any,
        fail_fast: options.fail_fast,
        late_poll: Duration::from_millis(options.request_timeout),
        ..Rules::default()
    }
}
