//! Generated worlds against the real waiter and policy under a paused clock.
//!
//! A seed decides a world: how each instance fares, how bad the weather is between, what is
//! waited for. [`run`] waits in it and holds the outcome against [`oracle`], which reads the
//! contract naively, and the pace of the polls against [`pace`].

pub(crate) mod alphabet;
mod answers;
mod checks;
pub(crate) mod exhaustive;
pub(crate) mod failure;
mod node;
mod oracle;
mod pace;
pub(crate) mod plan;
mod rng;
mod script;
pub(crate) mod sights;
mod source;
mod tape;
pub(crate) mod tree;
mod world;

use std::{
    fmt,
    future::{Future as _, pending, poll_fn},
    num::NonZeroU32,
    pin::pin,
    str::FromStr,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use tokio::time::{advance, sleep};
use wait_ready::{
    answer::instance::InstanceId,
    wait::{
        backoff::{Backoff, Jitter},
        condition::Condition,
        outcome::Outcome as WaitOutcome,
        policy::Policy,
        rules::Rules,
        waiter::Waiter,
    },
};

use checks::Judged;
use rng::Rng;
use sights::{Sight, sights};
use source::{Event, Log, WorldProbe, WorldSource};
use world::{Goal, Ms, Options, World};

/// How a world is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One instance that becomes ready as documented.
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
    /// One instance, and the process is stopped for a while.
    Overslept,
    /// Several instances, and the wait is dropped at some await.
    Dropped,
}

impl Shape {
    pub(crate) const ALL: [(Self, &'static str); 9] = [
        (Self::Simple, "simple"),
        (Self::Rough, "rough"),
        (Self::Probed, "probed"),
        (Self::Wire, "wire"),
        (Self::Fleet, "fleet"),
        (Self::ProbedFleet, "probed-fleet"),
        (Self::Pages, "pages"),
        (Self::Overslept, "overslept"),
        (Self::Dropped, "dropped"),
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
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// The exit code.
    pub(crate) code: u8,
    /// How many rounds of polls it took.
    pub(crate) rounds: usize,
    /// What it met with.
    pub(crate) sights: Vec<Sight>,
}

/// Waits in the world of this seed. The clock has to be tokio's, and paused.
pub(crate) async fn run(seed: u64, shape: Shape) -> Result<Outcome, Box<Failure>> {
    let (world, rng) = World::new(seed, shape);
    let mut most = usize::MAX;
    if shape == Shape::Dropped {
        // The same world twice: how many awaits there are is known after the first time.
        let (_, _, awaits) = wait_in(&world, rng.clone(), usize::MAX).await;
        most = usize::try_from(rng.clone().below(awaits as u64 + 1)).expect("a count");
    }
    let (outcome, history, awaits) = wait_in(&world, rng, most).await;
    let options = &world.options;
    // A timer may fire one await earlier the second time, and the wait be over.
    let is_dropped = shape == Shape::Dropped && awaits == most;
    let checked = match shape {
        Shape::Overslept => checks::check_overslept(options, &history, &outcome),
        _ if is_dropped => checks::check_dropped(options, &history, &outcome),
        _ => checks::check(options, &history, &outcome),
    };
    match checked {
        Ok(Judged { code, rounds }) => {
            let sights = sights(options, &condition(&world), &history, &outcome, is_dropped);
            Ok(Outcome { code, rounds, sights })
        }
        Err(what) => Err(Box::new(Failure { shape, world, history, what })),
    }
}

/// Waits until the end, or until the future of the wait has been polled so often; how often it was.
async fn wait_in(world: &World, rng: Rng, most: usize) -> (WaitOutcome, Vec<Event>, usize) {
    let ids: Vec<InstanceId> = names().take(world.paths.len()).collect();
    let log = Log::new(Arc::new(Mutex::new(Vec::with_capacity(64))));
    let (seed, horizon) = (world.seed, world.options.max_wait + 1);
    let rules = Rules { condition: condition(world), ..rules(&world.options) };
    let policy = Policy::new(rules, backoff(&world.options, seed), ids.iter().cloned());
    let source = WorldSource::new(world, &ids, log.clone(), rng);
    let mut waiter = Waiter::new(source, WorldProbe { seed, horizon, log: log.clone() }, policy);
    let mut observer = log.clone();
    let mut awaits = 0;
    let history = {
        let mut wait = pin!(waiter.wait(&mut observer));
        let mut stop = pin!(stop_process(world.stopped));
        poll_fn(|context| {
            let _ = stop.as_mut().poll(context);
            if awaits == most {
                return Poll::Ready(());
            }
            let polled = wait.as_mut().poll(context).map(drop);
            // The last one, which brings the end, is none at which a wait can be dropped.
            awaits += usize::from(polled.is_pending());
            polled
        })
        .await;
        // What dropping the wait brings about did not happen during it.
        std::mem::take(&mut *log.events())
    };
    (waiter.outcome(), history, awaits)
}

/// Stops the process, which is to say lets the clock go on without it, then and for so long.
async fn stop_process(stopped: Option<(Ms, Ms)>) {
    if let Some((after, time)) = stopped {
        sleep(Duration::from_millis(after)).await;
        advance(Duration::from_millis(time)).await;
    }
    pending::<()>().await;
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

/// What is waited for; an address has to be reached in one way or another.
fn condition(world: &World) -> Condition {
    match world.options.goal {
        Goal::Ready => Condition::Ready,
        Goal::Stopped => Condition::Stopped,
        Goal::Deleted => Condition::Deleted,
        Goal::Probed => match world.seed % 4 {
            0 => Condition::Tcp { port: 22 },
            1 => Condition::Ssh { port: 22 },
            2 => "http:80/health".parse().expect("a condition"),
            _ => Condition::Exec,
        },
    }
}

/// All but what is waited for.
fn rules(options: &Options) -> Rules {
    let budgets = options.budgets.iter();
    Rules {
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
